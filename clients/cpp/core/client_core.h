// One client: the connection, the leases and the threads that all of its locks share.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_CLIENT_CORE_H_
#define HOLDFAST_CLIENTS_CPP_CORE_CLIENT_CORE_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/lease_driver.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/random.h"
#include "clients/cpp/core/runtime.h"
#include "holdfast/client.h"
#include "holdfast/lock_info.h"
#include "holdfast/time.h"

namespace holdfast::core {

class LockCore;

// For how long destructors wait for the server. Far longer than an answer takes if
// there is to be one, and short enough not to be taken for a hang.
inline constexpr Duration kShutdownGrace = std::chrono::milliseconds(500);

// Who this process is, for people to read: `program@host:pid`, in at most 256 bytes of UTF-8.
std::string DefaultOwner();

// Thread-safe. Lives for as long as one of its locks or leases does, but does
// nothing after Shutdown.
class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  // What a client is made of. Tests put fakes in.
  struct Parts {
    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<LockTransport> transport;
    const Clock* clock = nullptr;  // Lives for as long as the process.
    Random* random = nullptr;      // Likewise.
  };

  ClientCore(Parts parts, std::string address, ClientOptions options);

  const std::string& address() const { return address_; }
  const std::string& owner() const { return options_.owner; }
  Duration call_timeout() const { return options_.call_timeout; }
  // Whether leases can be bound to the client's process: see LockOptions.
  bool may_bind() const { return options_.session && address_.starts_with("unix:"); }
  Duration connect_timeout() const { return options_.connect_timeout; }

  // FAILED_PRECONDITION: it was shut down, or this process is a child of the one
  // that it belongs to.
  absl::Status CheckUsable() const;

  // As CheckUsable, for those who are about to block: FAILED_PRECONDITION also in a
  // task, where the wait could not end.
  absl::Status CheckMayBlock() const;

  // False in a forked child, where nothing here may be touched any more.
  bool InOwnProcess() const;

  // Calls `start` with a function that takes the result, and waits for that. Result is
  // an absl::Status or StatusOr. FAILED_PRECONDITION: see CheckMayBlock.
  template <typename Result, typename Start>
  Result Block(Start start) const;

  // As Block with an absl::Status, but waits for at most kShutdownGrace; or not at all
  // where that would never end. UNAVAILABLE: there was no result by then. In a forked
  // child it does nothing.
  template <typename Start>
  absl::Status Part(Start start) const;

  // See Loop. What is for tasks alone may be touched in `task`.
  void Run(Task task);
  LeaseDriver& leases() { return leases_; }
  LockTransport& transport() { return *parts_.transport; }

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
  // Has `send` called until there is an answer, or call_timeout is over.
  template <typename T>
  void Ask(absl::AnyInvocable<void(Duration, absl::AnyInvocable<void(absl::StatusOr<T>)>)> send,
           absl::AnyInvocable<void(absl::StatusOr<T>)> done, bool once = false);

  const std::string address_;
  const ClientOptions options_;
  const pid_t process_;

  // The order matters: later ones use earlier ones.
  const Parts parts_;
  std::atomic<bool> closed_{false};

  // Touched in tasks alone.
  LeaseDriver leases_;
  std::set<std::shared_ptr<LockCore>> active_;
};

template <typename Result, typename Start>
Result ClientCore::Block(Start start) const {
  if (absl::Status status = CheckMayBlock(); !status.ok()) return status;
  auto result = std::make_shared<Handover<Result>>();
  start([result](Result value) { result->Set(std::move(value)); });
  return result->Wait();
}

template <typename Start>
absl::Status ClientCore::Part(Start start) const {
  if (!InOwnProcess()) return CheckUsable();
  auto result = std::make_shared<Handover<absl::Status>>();
  start([result](absl::Status value) { result->Set(std::move(value)); });
  const Duration limit = CheckMayBlock().ok() ? kShutdownGrace : Duration::zero();
  return result->WaitFor(limit).value_or(absl::UnavailableError(
      "the server has not answered the release yet; retrying in the background"));
}

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_CLIENT_CORE_H_
