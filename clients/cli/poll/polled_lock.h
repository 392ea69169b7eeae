// A lock of the client library for a program that waits in poll(): for the lock, for
// signals and for its children alike, in one place and on one thread.
//
//     lock->Begin();
//     for (;;) {
//       poll lock->fd() and whatever else;
//       lock->ClearNews();
//       if (auto outcome = lock->TakeOutcome()) ...   // Granted or refused: once.
//       if (lease.has_value() && !lease->valid()) ... // Lost.
//     }

#ifndef HOLDFAST_CLIENTS_CLI_POLL_POLLED_LOCK_H_
#define HOLDFAST_CLIENTS_CLI_POLL_POLLED_LOCK_H_

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cli/options.h"
#include "common/file_descriptor.h"
#include "holdfast/async_lock.h"
#include "holdfast/client.h"
#include "holdfast/lease.h"
#include "holdfast/lock_options.h"

namespace holdfast::cli {

// Says why a lock was not taken, and returns the exit code for it. REQUIRES: `status` is
// not OK.
int ReportNotTaken(const absl::Status& status, const ServerOptions& server,
                   const TakeOptions& take);

// Used on one thread; the client library's callbacks come on others.
class PolledLock {
 public:
  // A lock on `server`, not taken yet. How to take it is said by `take`, by `expire` and
  // by `auto_renew`. While it waits, `job`, the process group that the shell has started, is
  // told its place in the queue if it is its terminal's foreground.
  //
  // INVALID_ARGUMENT: the address. RESOURCE_EXHAUSTED: this machine's limits.
  static absl::StatusOr<std::unique_ptr<PolledLock>> Create(const ServerOptions& server,
                                                            const TakeOptions& take,
                                                            std::optional<Duration> expire,
                                                            bool auto_renew, pid_t job);

  // Gives back what is held, and waits for that, but not for longer than half a second.
  ~PolledLock();
  PolledLock(const PolledLock&) = delete;
  PolledLock& operator=(const PolledLock&) = delete;

  // Looks for the server, for as long as its patience lasts, and then takes the lock, for
  // which the timeout counts from then on. A server that goes away meanwhile is waited for
  // no longer than one that never was there.
  void Begin();

  // Begin is to end, with CANCELLED unless the lock has been granted just before.
  void Cancel();

  // Readable when there is news: an outcome, or the loss of the lease.
  int fd() const { return news_.get(); }
  void ClearNews();

  // How Begin has ended: SyncLock::Acquire in holdfast/sync_lock.h lists the errors.
  // Absent before that, and once it was taken.
  std::optional<absl::StatusOr<Lease>> TakeOutcome();

  // Leaves the lock taken when this object goes; see SyncLock::Detach.
  absl::Status Detach();

  // Gives the lock back; see SyncLock::Release. Tries for as long as the server's
  // patience lasts.
  absl::Status Release();

 private:
  using Outcome = absl::StatusOr<Lease>;
  enum class Step { kLooking, kTaking, kCancelled };

  PolledLock(FileDescriptor news, std::unique_ptr<Client> client, const TakeOptions& take,
             LockOptions options);

  void OnFound(const absl::StatusOr<bool>& locked);
  void Publish(Outcome outcome);
  void Announce() const;

  const FileDescriptor news_;
  std::atomic<Step> step_{Step::kLooking};
  std::stop_source cancel_;
  std::promise<Outcome> promise_;  // Kept by whoever has moved step_ on.
  std::future<Outcome> outcome_ = promise_.get_future();
  std::optional<std::stop_callback<std::function<void()>>> on_lost_;
  AsyncLock lock_;

  // The last member, and so the first to go: no callback comes after that.
  const std::unique_ptr<Client> client_;
};

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_POLL_POLLED_LOCK_H_
