// Tells the user where in the queue an acquire stands (LockOptions::on_queued), or that
// the server is out of reach (LockOptions::on_unavailable).
//
// Only the latest news is kept until the user's code gets to run, so reports do not
// pile up behind a callback that blocks. Nothing is reported of an acquire that has
// ended.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_QUEUED_CALLBACK_H_
#define HOLDFAST_CLIENTS_CPP_CORE_QUEUED_CALLBACK_H_

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "clients/cpp/core/loop.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_options.h"

namespace holdfast::core {

using WaitNews = std::variant<QueueInfo, Outage>;

// Thread-safe. One for each acquire.
class QueuedCallback : public std::enable_shared_from_this<QueuedCallback> {
 public:
  explicit QueuedCallback(std::function<void(const WaitNews&)> report)
      : report_(std::move(report)) {}

  // There is something new. Has `post` run a task where the user's code runs, unless
  // one is on its way.
  void Update(WaitNews news, const std::function<void(Task)>& post);

  // The acquire has ended: no report begins any more.
  void End();

  // Waits for a report that is being made, if it is by another thread. Afterwards the
  // user's function is not called any more. REQUIRES: End was called.
  void AwaitQuiet();

 private:
  void ReportLatest();
  // On this thread nobody waits: it would wait for itself.
  bool ReportingElsewhere() const REQUIRES(mutex_);

  const std::function<void(const WaitNews&)> report_;

  Mutex mutex_;
  CondVar quiet_;
  std::optional<WaitNews> latest_ GUARDED_BY(mutex_);  // Not yet reported.
  std::thread::id reporting_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_QUEUED_CALLBACK_H_
