// The locks of a FakeServer: what a server would answer, in few lines and in memory.
//
// It keeps to the API (protos/holdfast/v1) as far as an honest client sees it: a lease_id is
// unknown, waiting or held, then ended, for good; those who wait are granted in their order;
// leases lapse. It forgets nothing. How it differs: holdfast/testing/fake_server.h.

#ifndef HOLDFAST_CLIENTS_CPP_FAKE_FAKE_LOCK_TABLE_H_
#define HOLDFAST_CLIENTS_CPP_FAKE_FAKE_LOCK_TABLE_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/fake/fake_time.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/error.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_watch.h"
#include "holdfast/time.h"

namespace holdfast::fake {

// Thread-safe. Answers, on the thread that asks or lets time pass, outside of its mutex.
class FakeLockTable {
 public:
  using Transport = core::LockTransport;

  // `time` outlives it.
  explicit FakeLockTable(FakeTime& time) : time_(time) {}
  ~FakeLockTable() { time_.RemoveAll(this); }
  FakeLockTable(const FakeLockTable&) = delete;
  FakeLockTable& operator=(const FakeLockTable&) = delete;

  // Names a call, for CloseWait and CloseWatch; the default is of none.
  using CallId = std::uint64_t;

  // From now on the client has a session: what it is granted joins that.
  void OpenSession(const void* client, Transport::LeaseEndedListener on_lease_ended);

  // As when the client's process has died: what is bound to it ends.
  void EndSession(const void* client);

  // `client` says whose call it is, for CloseAll.
  CallId Wait(const void* client, const core::WaitRequest& request, Transport::WaitEvents events);
  absl::StatusOr<core::Grant> Renew(const std::string& key, const std::string& lease_id);
  absl::StatusOr<std::uint64_t> RenewAll(const void* client);
  void Detach(const std::string& lease_id);
  absl::Status Release(const std::string& key, const std::string& lease_id);
  absl::StatusOr<LockInfo> Get(const std::string& key);
  absl::StatusOr<LockPage> List(const Transport::ListRequest& request);
  absl::StatusOr<HolderInfo> ForceRelease(const std::string& key, std::uint64_t fencing_token);
  absl::StatusOr<Transport::ReleaseByTagPage> ReleaseByTag(
      const Transport::ReleaseByTagRequest& request);
  CallId Watch(const void* client, const LockFilter& filter, Transport::WatchEvents events);

  // The call is over without an answer. A waiter keeps its place, and is passed over.
  void Close(CallId call);

  // Ends the calls of a client, or of all if it is null, with this error.
  void CloseAll(const void* client, const absl::Status& why);

  void SetReachable(bool reachable);

 private:
  enum class Cause { kReleased, kExpired, kForced, kTimedOut };
  struct Session {
    std::shared_ptr<Transport::LeaseEndedListener> on_lease_ended;
    std::vector<std::string> untold;  // Leases that have ended while it was out of reach.
  };
  struct Call {
    CallId id = 0;
    const void* client = nullptr;
    MonotonicTime received{};
    Transport::WaitEvents wait{};
    Transport::WatchEvents watch{};
    LockFilter filter{};
  };
  struct Waiter {
    core::WaitRequest request;
    std::uint64_t sequence = 0;
    std::shared_ptr<Call> call{};  // Null: it is away.
    TimerId timeout{};
  };
  struct Lease {
    core::WaitRequest request;
    std::uint64_t token = 0;
    MonotonicTime granted{};
    const void* session = nullptr;  // Whose session it is in. Null: in none.
    std::optional<MonotonicTime> lapses{};
    TimerId lapse{};
  };
  struct Lock {
    std::optional<Lease> lease;
    std::list<Waiter> queue;
  };
  using Answers = std::vector<core::Task>;

  static void Run(Answers answers);
  static absl::Status IdEnded(Cause cause);

  // Why a request has no effect: that nothing arrives, or else what is wrong with its fields.
  absl::Status Refusal(absl::Status of_fields) const REQUIRES(mutex_);
  // The key that it holds or waits for. Null: none.
  const std::string* KeyOf(const std::string& lease_id) const REQUIRES(mutex_);
  void Receive(const core::WaitRequest& request, const std::shared_ptr<Call>& call,
               Answers& answers) REQUIRES(mutex_);
  void GrantNext(const std::string& key, Answers& answers) REQUIRES(mutex_);
  void TellGrant(const Lease& lease, const std::shared_ptr<Call>& call, Answers& answers)
      REQUIRES(mutex_);
  void TellQueue(const Lock& lock, Answers& answers) const REQUIRES(mutex_);
  void End(const std::string& key, Cause cause, LockEvent::Kind event, Answers& answers)
      REQUIRES(mutex_);
  void TellSession(const Lease& lease, Answers& answers) REQUIRES(mutex_);
  void TellEnded(const Session& session, const std::string& lease_id, Answers& answers) const
      REQUIRES(mutex_);
  void SetLapse(Lease& lease) REQUIRES(mutex_);
  void OnLapse(const std::string& key, std::uint64_t token);
  void OnTimeout(const std::string& key, const std::string& lease_id);
  void TellWatches(LockEvent::Kind kind, const Lease& lease, Answers& answers) REQUIRES(mutex_);
  LockEvent EventOf(LockEvent::Kind kind, const Lease& lease) const REQUIRES(mutex_);
  LockInfo InfoOf(const std::string& key, const Lock& lock) const REQUIRES(mutex_);
  HolderInfo HolderOf(const Lease& lease) const REQUIRES(mutex_);
  bool Matches(const LockFilter& filter, const std::string& key, const Lock& lock) const
      REQUIRES(mutex_);
  absl::Status EndedError(const std::string& lease_id) const REQUIRES(mutex_);
  absl::Status HeldError(const Lock& lock, absl::StatusCode code, ErrorReason reason) const
      REQUIRES(mutex_);
  core::Grant GrantOf(const Lease& lease, MonotonicTime received) const REQUIRES(mutex_);

  FakeTime& time_;

  mutable Mutex mutex_;
  std::map<std::string, Lock> locks_ GUARDED_BY(mutex_);
  std::map<std::string, Cause> ended_ GUARDED_BY(mutex_);  // By lease_id.
  std::map<CallId, std::shared_ptr<Call>> calls_ GUARDED_BY(mutex_);
  std::map<const void*, Session> sessions_ GUARDED_BY(mutex_);  // By their clients.
  CallId last_call_ GUARDED_BY(mutex_) = 0;
  std::uint64_t last_place_ GUARDED_BY(mutex_) = 0;
  std::uint64_t last_token_ GUARDED_BY(mutex_) = 0;
  std::uint64_t last_event_ GUARDED_BY(mutex_) = 0;
  bool reachable_ GUARDED_BY(mutex_) = true;
};

}  // namespace holdfast::fake

#endif  // HOLDFAST_CLIENTS_CPP_FAKE_FAKE_LOCK_TABLE_H_
