// The port through which the lock logic speaks to a server.
//
// It says what a lock client needs, and nothing of how that travels: each operation as a
// gRPC call of its own, or all of them on one stream. Tests put a fake there.
//
// Thread-safe. Callbacks may come on any thread, also before the function that
// started the operation has returned; so they should only hand on what they bring.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LOCK_TRANSPORT_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LOCK_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_watch.h"
#include "holdfast/time.h"

namespace holdfast::core {

// What is asked of the server; see AcquireRequest of the API.
struct WaitRequest {
  std::string key;
  std::string lease_id;
  std::optional<Duration> expire;
  std::vector<std::string> tags;
  std::string owner;
  std::optional<Duration> timeout;  // Absent: for as long as the call is open.
  bool bound = false;
  std::optional<Duration> max_hold{};
};

// A lease as the server describes it to its holder.
struct Grant {
  std::uint64_t fencing_token = 0;
  std::optional<Duration> remaining;  // Absent: the lease does not expire.
  Duration elapsed{};  // From when the server received this call to that description.
};

class LockTransport {
 public:
  // A wait that is under way.
  class WaitCall {
   public:
    virtual ~WaitCall() = default;

    // Gives it up. Its callbacks may come all the same.
    virtual void Cancel() = 0;
  };

  struct WaitEvents {
    absl::AnyInvocable<void(QueueInfo)> on_queued;
    // Called once, last: the grant, or why there is none. UNAVAILABLE if the stream
    // ends without either.
    absl::AnyInvocable<void(absl::StatusOr<Grant>)> on_end;
  };

  virtual ~LockTransport() = default;

  virtual std::shared_ptr<WaitCall> Wait(const WaitRequest& request, WaitEvents events) = 0;

  // The rest are short calls. Each ends with DEADLINE_EXCEEDED after `limit`.
  virtual void Renew(const std::string& key, const std::string& lease_id, Duration limit,
                     absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) = 0;
  // Every lease that was granted over this transport and has not ended or been detached
  // lasts its `expire` from when the server takes this, or until its max_hold is over: those
  // whose grant was told before this was called. Tells how many leases the server knows to be
  // concerned. UNIMPLEMENTED: this transport, or its server, can renew them one by one only.
  virtual void RenewAll(Duration limit,
                        absl::AnyInvocable<void(absl::StatusOr<std::uint64_t>)> done);
  virtual void Release(const std::string& key, const std::string& lease_id, Duration limit,
                       absl::AnyInvocable<void(absl::Status)> done) = 0;
  virtual void Get(const std::string& key, Duration limit,
                   absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) = 0;

  // For looking and looking after: what is not needed to take a lock. A transport that is
  // for tests of that alone may do without: UNIMPLEMENTED.
  struct ListRequest {
    LockFilter filter;
    std::string page_token;
    std::uint32_t page_size = 0;
  };
  struct ReleaseByTagRequest {
    Tags tags;
    ReleaseByTagOptions options;
    std::string page_token;
  };
  struct ReleaseByTagPage {
    ReleasedLocks released;
    std::string next_page_token;
  };
  struct WatchEvents {
    // False: read no more until ReadOn.
    absl::AnyInvocable<bool(std::vector<LockEvent>)> on_events;
    absl::AnyInvocable<void(absl::Status)> on_end;  // Called once, last.
  };
  // A watch that is under way.
  class WatchCall {
   public:
    virtual ~WatchCall() = default;
    virtual void Cancel() = 0;  // As WaitCall's.
    virtual void ReadOn() = 0;
  };

  virtual void List(const ListRequest& request, Duration limit,
                    absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done);
  virtual void ForceRelease(const std::string& key, std::uint64_t fencing_token, Duration limit,
                            absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done);
  virtual void ReleaseByTag(const ReleaseByTagRequest& request, Duration limit,
                            absl::AnyInvocable<void(absl::StatusOr<ReleaseByTagPage>)> done);
  virtual std::shared_ptr<WatchCall> Watch(const LockFilter& filter, WatchEvents events);

  // A lease that was granted over this transport is left to itself: RenewAll does not
  // concern it any more. Nobody waits for an answer.
  virtual void Detach(const std::string& /*key*/, const std::string& /*lease_id*/) {}

  // Of a lease that has ended otherwise than by its holder, where the transport is told of it
  // without having asked. Called before any other function, once.
  using LeaseEndedListener =
      std::function<void(const std::string& lease_id, const absl::Status& why)>;
  virtual void OnLeaseEnded(LeaseEndedListener /*listener*/) {}

  // Ends every call, and returns when no callback runs any more, nor will. What is
  // started afterwards ends at once with CANCELLED. REQUIRES: no callback calls it.
  virtual void Shutdown() = 0;

  // Gives up the connections. What is started afterwards ends with CANCELLED too.
  // REQUIRES: Shutdown has returned, and no other function runs at the same time.
  virtual void Disconnect() {}
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LOCK_TRANSPORT_H_
