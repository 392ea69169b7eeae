// One client: the connection, the scheduler and the threads that all of its locks
// share.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_CLIENT_CORE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_CLIENT_CORE_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/dispatcher.h"
#include "clients/cpp/core/environment.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/releaser.h"
#include "clients/cpp/core/retrying_call.h"
#include "holdfast/client.h"
#include "holdfast/lock_info.h"
#include "holdfast/time.h"

namespace holdfast::core {

class LockCore;

// For how long destructors wait for the server. Far longer than an answer takes if
// there is to be one, and short enough not to be taken for a hang.
inline constexpr Duration kShutdownGrace = std::chrono::milliseconds(500);

// Thread-safe. Lives for as long as one of its locks or leases does, but does
// nothing after Shutdown.
class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  // What a client is made of. Tests put fakes in.
  struct Parts {
    std::unique_ptr<Scheduler> scheduler;
    std::unique_ptr<LockTransport> transport;
    std::unique_ptr<Dispatcher> callbacks;
    std::unique_ptr<Dispatcher> signals;
    const Clock* clock = nullptr;  // Lives for as long as the process.
    Random* random = nullptr;      // Likewise.
  };

  ClientCore(Parts parts, std::string address, ClientOptions options);

  const std::string& address() const { return address_; }
  const std::string& owner() const { return options_.owner; }
  Duration call_timeout() const { return options_.call_timeout; }
  Duration connect_timeout() const { return options_.connect_timeout; }

  // FAILED_PRECONDITION: it was shut down, or this process is a child of the one
  // that it belongs to.
  absl::Status CheckUsable() const;

  // As CheckUsable, for those who are about to block: FAILED_PRECONDITION also in a
  // task, where the wait could not end.
  absl::Status CheckMayBlock() const;

  // False in a forked child, where nothing here may be touched any more.
  bool InOwnProcess() const;

  // See Scheduler. What is for tasks alone may be touched in `task`.
  void Run(Task task);
  const Environment& env() const { return env_; }
  Releaser& releaser() { return releaser_; }

  // Locks that hold or acquire something; those Shutdown has to end. In tasks alone.
  void Activate(std::shared_ptr<LockCore> lock) { active_.insert(std::move(lock)); }
  void Deactivate(const std::shared_ptr<LockCore>& lock) { active_.erase(lock); }

  // Runs a callback or the rest of a coroutine, in order, where the options say.
  void RunUserCode(Task task);

  // Has LeaseCore::SignalLost called.
  void SignalLost(std::shared_ptr<LeaseCore> lease);

  // Shows a lock. `done` is called in a task.
  void Get(const std::string& key, absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done);

  // As Get, for the rest of what Client shows and does.
  void List(const LockTransport::ListRequest& request,
            absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done);
  void ForceRelease(const std::string& key, std::uint64_t fencing_token,
                    absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done);
  // One page. Only with max_fencing_token, or dry_run, may it be sent again.
  void ReleaseByTag(const LockTransport::ReleaseByTagRequest& request,
                    absl::AnyInvocable<void(absl::StatusOr<LockTransport::ReleaseByTagPage>)> done);

  // See ~Client. Called once. In a task it returns at once, and the callback thread goes on.
  void Shutdown();

  // Waits until all the user code that is due now has run. For tests.
  void FlushUserCode();

 private:
  void RunAndWait(Task task);

  // Has `send` called until there is an answer, or call_timeout is over.
  template <typename T>
  void Ask(absl::AnyInvocable<void(Duration, typename RetryingCall<T>::Answer)> send,
           typename RetryingCall<T>::Answer done, bool once = false);

  const std::string address_;
  const ClientOptions options_;
  const pid_t process_;

  // The order matters: later ones use earlier ones.
  const Parts parts_;
  const Environment env_;
  std::atomic<bool> closed_{false};

  // Touched in tasks alone.
  Releaser releaser_;
  std::set<std::shared_ptr<LockCore>> active_;
  std::map<std::uint64_t, std::function<void(const absl::Status&)>> asking_;  // How to stop it.
  std::uint64_t last_asked_ = 0;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_CLIENT_CORE_H_
