// A client that keeps several locks at once in one session, and follows the protocol of
// sessions (protos/holdfast/v1/session.proto) by itself, without the C++ library.
//
// Each of its slots goes through one episode after another: takes a lock under a new
// lease_id, holds it while one renewal after the other keeps all of them, and gives it
// back. When its stream breaks, or something has no answer for too long, it attaches again
// with a list of what it holds. On the way it forgets leases, which the server then ends,
// detaches some, uses some ids outside of the session as well, hangs with what has a
// max_hold, is killed. How long a lease is good for it computes as the C++ library does.
// Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_SESSION_CLIENT_H_
#define HOLDFAST_TESTS_SIMULATION_SESSION_CLIENT_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "tests/simulation/caller.h"
#include "tests/simulation/client.h"
#include "tests/simulation/process.h"

namespace holdfast::simulation {

class SessionClient final : public Client {
 public:
  SessionClient(const ClientWorld& world, const ClientPlan& plan, ClockSkew skew);

  void Start() override;
  void WindDown() override;
  bool idle() const override;
  void DieAndRestart() override;
  std::uint32_t number() const override { return caller_->client(); }
  Process& process() override { return process_; }

 private:
  static constexpr std::size_t kSlots = 3;
  static constexpr std::size_t kNoSlot = SIZE_MAX;

  // What does not wait is answered within this, or the stream is given up.
  static constexpr Duration kCallLimit = std::chrono::seconds(2);

  // The end of a lease that the server owes shows within this.
  static constexpr Duration kEndShows = std::chrono::milliseconds(2'500);

  enum class Stage { kIdle, kAcquiring, kHolding, kReleasing, kElsewhere };

  // One lock after another. What was scheduled in an earlier episode is void.
  struct Slot {
    Stage stage = Stage::kIdle;
    std::uint64_t episode = 0;
    LeaseSpec spec;
    Duration timeout{};
    bool reports_queue = false;
    bool alone = false;  // Nobody else wants the lock.
    bool detaching = false;
    bool hangs = false;                    // Keeps it beyond its max_hold, if it can.
    bool lost = false;                     // As far as it knows; it goes on renewing.
    bool joined = false;                   // The server has put it into the session.
    std::uint64_t granted_by = 0;          // The number of the outcome; 0: it was listed.
    bool used_elsewhere = false;           // Outside of the session.
    std::optional<Duration> first_sent{};  // The acquire, by its own clock.
    std::uint64_t fencing_token = 0;
    Duration deadline{};
  };

  // An operation that has no answer.
  struct Renewal {
    std::size_t slot = 0;
    std::uint64_t episode = 0;
    std::uint64_t recorded = 0;
  };
  struct Pending {
    enum class Kind { kAttach, kAcquire, kRelease, kRenew, kRenewAll, kDetach };
    Kind kind{};
    std::size_t slot = 0;
    std::uint64_t episode = 0;
    std::uint64_t recorded = 0;  // The operation in the history.
    Duration sent{};
    std::vector<Renewal> renewals{};
  };

  // The stream.
  void Attach();
  void Reattach();
  void Drop(bool close);
  void Send(std::vector<StreamOperation> operations);
  std::uint64_t Expect(Pending pending);
  void GiveUpIfUnanswered(std::uint64_t operation);
  void OnOutcomes(const std::vector<StreamOutcome>& outcomes);
  void OnOutcome(const StreamOutcome& told);
  void OnAttached(const Outcome& outcome);
  void OnEnded(Refusal why);
  void OnGone(const LeaseGone& gone);

  // The slots.
  void Rest(std::size_t index);
  void Begin(std::size_t index);
  StreamOperation Acquire(std::size_t index);
  StreamOperation Release(std::size_t index);
  void OnAcquireEnded(const Pending& pending, const StreamOutcome& told);
  void OnReleaseEnded(const Pending& pending, const Outcome& outcome);
  void Hold(std::size_t index, const LeaseView& lease, std::size_t event);
  void WatchDeadline(std::size_t index);
  void GiveBack(std::size_t index);
  void RenewSoon();
  void RenewAll();
  void OnRenewedAll(const Pending& pending);
  void UseElsewhere(std::size_t index);
  void Detach(std::size_t index);
  void OnDetached(const Pending& pending, const Outcome& outcome);
  void ReleaseElsewhere(std::size_t index);
  void ForgetOne();
  void Lose(std::size_t index);
  void End(std::size_t index);

  static bool Unavailable(const Refused& refused);

  // Operations of the session are numbered apart from those of the Caller.
  std::uint64_t NextRecorded() { return 1'000'000 + ++last_recorded_; }

  void RecordReleased(const Slot& slot, bool dies = false);
  void ExpectGone(const std::string& lease_id, Duration within, const char* what);
  Duration DeadlineFrom(Duration sent, Duration elapsed, std::optional<Duration> remaining) const;
  void In(std::size_t index, Duration span, void (SessionClient::*what)(std::size_t));
  std::size_t SlotOf(const std::string& lease_id) const;

  const ClientWorld world_;
  const ClientPlan plan_;
  Process process_;
  const bool local_;
  std::vector<std::size_t> channels_;
  std::unique_ptr<Caller> caller_;
  std::uint64_t last_recorded_ = 0;
  bool winding_down_ = false;

  std::string session_id_;
  std::uint64_t stream_number_ = 0;
  std::uint64_t life_of_stream_ = 0;  // What came from an earlier one is void.
  std::shared_ptr<Stream> stream_;
  bool attached_ = false;
  bool reattaching_ = false;
  // In the session, and not on the list of the stream.
  std::optional<std::string> forgotten_;
  std::uint64_t last_operation_ = 0;
  std::uint64_t received_ = 0;
  // While a call outside of the session has no answer, nothing more is acknowledged: an id
  // whose end is acknowledged must not be on its way anywhere else.
  std::uint64_t acknowledged_ = 0;
  int calls_elsewhere_ = 0;
  std::map<std::uint64_t, Pending> pending_;
  bool renewing_ = false;
  std::vector<Slot> slots_;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_SESSION_CLIENT_H_
