// Every call that is open at the engine, and whether what it is told is right.
//
// A call gets one final outcome, of a kind that answers its command; only a call
// that waits or watches stays open beyond the turn that it came with. A watcher who
// applies its events has the leases as they are. Whatever breaks this ends the
// process (require.h). Thread-compatible.

#ifndef HOLDFAST_TESTS_FUZZ_CALL_CHECKER_H_
#define HOLDFAST_TESTS_FUZZ_CALL_CHECKER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/outcome.h"
#include "tests/fuzz/require.h"

namespace holdfast::fuzz {

class CallChecker {
 public:
  struct Call {
    CommandBody body;
    Instant opened;
    std::optional<Instant> told_place_at;  // Of a call that reports its place in the queue:
    std::uint32_t place = 0;               // what it was told last.

    // Of a watch: what its events say is held, by key.
    std::map<std::string, std::uint64_t> picture;
    bool snapshot_complete = false;
    std::uint64_t last_event = 0;

    // Null: it is none.
    const AcquireCommand* acquire() const { return std::get_if<AcquireCommand>(&body); }
    const WatchCommand* watch() const { return std::get_if<WatchCommand>(&body); }
    std::optional<Instant> deadline() const;
  };

  // Before the turn: `command` is about to be given to the engine.
  void Open(const Command& command, Instant now);

  // After it: all that the engine has told, in order.
  void Tell(const std::vector<Delivery>& deliveries, Instant now);

  // And then: nobody is left without an answer who was to have one by `now`.
  void CheckAnswered(Instant now, bool draining) const;

  // The server is gone, and all calls with it.
  void Clear() { open_.clear(); }

  const std::map<CallId, Call>& open() const { return open_; }

  // The waiting calls of a lease_id.
  std::set<CallId> WaitsOf(const std::string& lease_id) const;
  // The ids that have any.
  std::set<std::string> WaitingIds() const;
  std::size_t Watches() const;

  // Of the last turn: calls of this id that were waiting and were cancelled.
  bool CancelledNow(const std::string& lease_id) const { return cancelled_.contains(lease_id); }
  const std::set<std::string>& cancelled_now() const { return cancelled_; }

 private:
  void Check(Call& call, const Granted& granted, Instant now);
  void Check(Call& call, const Queued& queued, Instant now);
  void Check(Call& call, const Released& released, Instant now);
  void Check(Call& call, const Renewed& renewed, Instant now);
  void Check(Call& call, const Shown& shown, Instant now);
  void Check(Call& call, const Listed& listed, Instant now);
  void Check(Call& call, const Forced& forced, Instant now);
  void Check(Call& call, const ForcedPage& page, Instant now);
  void Check(Call& call, const Watched& watched, Instant now);
  void Check(Call& call, const Drained& drained, Instant now);
  void Check(Call& call, const Refused& refused, Instant now);
  // What only sessions are told, of which this world has none.
  template <typename OfSessions>
  void Check(Call&, const OfSessions&, Instant) {
    Broken("a call of its own is told nothing of sessions");
  }

  std::map<CallId, Call> open_;

  // Of the last turn.
  std::set<CallId> cancel_asked_;
  std::set<std::string> cancelled_;
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_CALL_CHECKER_H_
