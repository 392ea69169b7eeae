// Carries out what the lease table wants: hands it events with the time, sends its calls by
// a transport, keeps its timers in a loop, and calls those who are to be told.
//
//   program ──▶ LeaseDriver ──event, now──▶ LeaseTable
//                 │    ▲  ▲ ◀───actions────────┘
//                 │    │  └──alarm── Loop
//                 ▼    └──answers──┐
//               LockTransport ─────┘
//
// It decides nothing. Production, tests and the simulator use this same driver.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_LEASE_DRIVER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_LEASE_DRIVER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lease_core.h"
#include "clients/cpp/core/lease_table.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/loop.h"
#include "clients/cpp/core/random.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_options.h"
#include "holdfast/time.h"

namespace holdfast::core {

using AcquireResult = absl::StatusOr<std::shared_ptr<LeaseCore>>;

// Single-threaded: used in tasks of `loop` alone, where everybody is called back too.
// Outlives its calls: see LockTransport::Shutdown.
class LeaseDriver {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  // Has LeaseCore::SignalLost called, outside of any task and without delay.
  using Signaller = absl::AnyInvocable<void(std::shared_ptr<LeaseCore>)>;

  struct AcquireEvents {
    absl::AnyInvocable<void(QueueInfo)> on_queued{};    // May be null.
    absl::AnyInvocable<void(Outage)> on_unavailable{};  // May be null.
    absl::AnyInvocable<void(AcquireResult)> done;       // Called once.
  };

  // `clock` is the leases', and outlives them. The others outlive the driver.
  LeaseDriver(const Clock& clock, Loop& loop, LockTransport& transport, Random& random,
              Signaller signaller);

  // See LeaseTable. Each `done` is called once; it may be null, except Ask's.
  ClaimId Acquire(std::shared_ptr<const AcquireSpec> spec, Duration timeout, AcquireEvents events);
  void GiveUp(ClaimId claim, const absl::Status& why);
  void Renew(ClaimId claim, Duration limit, Done done);
  void Release(ClaimId claim, Duration patience, Done done);
  void ReleaseId(const std::string& key, const std::string& lease_id,
                 std::optional<Duration> expire, Duration patience, Done done);
  void Detach(ClaimId claim);
  void Lose(ClaimId claim, const absl::Status& why);

  // Asks the server for something. `send` is called for each try, and takes the answer on any
  // thread.
  template <typename T>
  void Ask(
      absl::AnyInvocable<void(Duration limit, absl::AnyInvocable<void(absl::StatusOr<T>)>)> send,
      Duration patience, bool once, absl::AnyInvocable<void(absl::StatusOr<T>)> done);

  void StopAsking(const absl::Status& why);
  void StopReleasing(const absl::Status& why);

  // How many releases the server has not yet answered.
  std::size_t releasing() const { return table_.releasing(); }

  // Calls `idle` when there are none. At most one at a time is remembered.
  void WhenNothingIsReleasing(absl::AnyInvocable<void()> idle);

 private:
  struct Query {
    absl::AnyInvocable<void(CallId, Duration)> send;
    Done done;
  };

  // An event for the table, and what comes of it.
  template <typename Event>
  auto Handle(Event event);
  void CarryOut();
  RequestId NewRequest(Done done);
  void OnAlarm();

  void Carry(SendWait& send);
  void Carry(SendRenew& send);
  void Carry(SendRenewAll& send);
  void Carry(SendRelease& send);
  void Carry(SendQuery& send);
  void Carry(SendDetach& send);
  void Carry(CancelWait& cancel);
  void Carry(TellQueued& tell);
  void Carry(TellUnavailable& tell);
  void Carry(TellAcquired& tell);
  void Carry(TellEnded& tell);
  void Carry(SignalLost& signal);

  Loop& loop_;
  LockTransport& transport_;
  Signaller signaller_;
  LeaseTable table_;

  std::vector<Action> actions_;  // To be carried out.
  bool carrying_out_ = false;
  MonotonicTime alarm_ = MonotonicTime::max();

  std::map<ClaimId, AcquireEvents> acquires_;
  std::map<CallId, std::shared_ptr<LockTransport::WaitCall>> waits_;
  std::map<RequestId, Done> requests_;
  std::map<RequestId, Query> queries_;
  RequestId last_request_ = kTellNobody;
  absl::AnyInvocable<void()> idle_;
};

template <typename Event>
auto LeaseDriver::Handle(Event event) {
  Turn turn{.now = loop_.Now(), .actions = actions_};
  if constexpr (std::is_void_v<decltype(event(turn))>) {
    event(turn);
    CarryOut();
  } else {
    auto result = event(turn);
    CarryOut();
    return result;
  }
}

template <typename T>
void LeaseDriver::Ask(
    absl::AnyInvocable<void(Duration limit, absl::AnyInvocable<void(absl::StatusOr<T>)>)> send,
    Duration patience, bool once, absl::AnyInvocable<void(absl::StatusOr<T>)> done) {
  const RequestId request = ++last_request_;
  // The table does not need to know what the answer was.
  auto answer = std::make_shared<absl::StatusOr<T>>(absl::UnknownError("not answered"));
  Query& query = queries_[request];
  query.send = [this, answer, send = std::move(send)](CallId call, Duration limit) mutable {
    send(limit, [this, answer, call](absl::StatusOr<T> got) {
      loop_.Run([this, answer, call, got = std::move(got)]() mutable {
        const absl::Status status = got.status();
        *answer = std::move(got);
        Handle([&](Turn& turn) { table_.OnAnswer(call, status, turn); });
      });
    });
  };
  query.done = [answer, done = std::move(done)](absl::Status end) mutable {
    done(end.ok() ? std::move(*answer) : absl::StatusOr<T>(std::move(end)));
  };
  Handle([&](Turn& turn) { table_.Ask(request, patience, once, turn); });
}

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_LEASE_DRIVER_H_
