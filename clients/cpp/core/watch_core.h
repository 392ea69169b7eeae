// A watch, from the transport to the user's functions.
//
//   transport ──events──▶ backlog ──one after another──▶ on_event, on_end
//
// When the backlog is long the transport is told to read no more, so that the server sees
// who is slow, and ends the watch when it has missed too much.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_WATCH_CORE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_WATCH_CORE_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/lock_transport.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/lock_watch.h"

namespace holdfast::core {

// Thread-safe.
class WatchCore : public std::enable_shared_from_this<WatchCore> {
 public:
  // From so many events on nothing more is read until half of them are gone.
  static constexpr std::size_t kMaxBacklog = 1'000;

  WatchCore(std::shared_ptr<ClientCore> client, WatchCallbacks callbacks)
      : client_(std::move(client)), callbacks_(std::move(callbacks)) {}

  // Called once.
  void Start(const LockFilter& filter);

  bool InOwnProcess() const { return client_->InOwnProcess(); }

  // Nothing is told any more. Waits for a function that runs on another thread.
  void End();

 private:
  bool OnEvents(std::vector<LockEvent> events);
  void OnEnd(absl::Status why);
  void PostReport() REQUIRES(mutex_);
  void Report();

  const std::shared_ptr<ClientCore> client_;
  const WatchCallbacks callbacks_;

  Mutex mutex_;
  CondVar quiet_;
  std::shared_ptr<LockTransport::WatchCall> call_ GUARDED_BY(mutex_);
  std::deque<LockEvent> backlog_ GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ GUARDED_BY(mutex_);  // To be told after the backlog.
  bool posted_ GUARDED_BY(mutex_) = false;              // Report is on its way, or runs.
  bool paused_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread::id reporting_ GUARDED_BY(mutex_);
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_WATCH_CORE_H_
