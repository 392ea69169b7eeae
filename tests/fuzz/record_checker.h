// What the engine has committed, and whether it was right to.
//
// A second set of books, kept by the committed batches alone and by what clients have
// been told of each lease. It knows the promises, not the rules by which the engine
// keeps them: tokens rise, a key has one lease, an id that has ended stays so, nothing
// lapses early, and no grant is taken back that has arrived.
// Whatever breaks one of them ends the process (require.h). Thread-compatible.

#ifndef HOLDFAST_TESTS_FUZZ_RECORD_CHECKER_H_
#define HOLDFAST_TESTS_FUZZ_RECORD_CHECKER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/record_change.h"

namespace holdfast::fuzz {

class RecordChecker {
 public:
  struct Lease {
    LeaseRecord record;
    Instant lapses;        // Not before; max: never.
    bool arrived = false;  // Its holder certainly knows of it.
    int answers = 0;       // That told of the grant,
    int reports = 0;       // and how many of them are known not to have arrived.
    Instant last_report;

    // Nobody knows of it, so it may be taken back.
    bool undelivered() const { return !arrived && answers > 0 && reports >= answers; }
  };

  struct Ended {
    EndCause cause{};
    Instant at;  // Or the restart since.
  };

  // What is known of the turn whose batch is checked.
  struct Turn {
    Now now;
    const std::vector<Command>& commands;
    // Whether a grant has been asked for and overtakes nobody.
    std::function<void(const LeaseSpec&)> check_grant;
    // Whether a waiter's id may end this way now.
    std::function<void(const std::string& lease_id, EndCause)> check_waiter_end;
  };

  explicit RecordChecker(const Limits& limits) : limits_(limits) {}

  // A batch has been committed.
  void Apply(const RecordBatch& batch, const Turn& turn);

  // What clients were told in a turn, before its batch is checked, and, where that grants
  // the lease, after it. OnRenewed: whether there is such a lease.
  bool OnRenewed(const LeaseView& lease, Instant now);
  void OnGranted(const LeaseView& lease);
  // and once it has been.
  void CheckGranted(const LeaseView& lease);

  // An answer that told of this grant is reported not to have arrived.
  void OnReport(const UndeliveredCommand& grant, Instant now);

  // The server has started on these records. They must be what was committed.
  void OnRestart(LockStore& store, Instant now);

  const std::map<std::string, Lease>& leases() const { return leases_; }  // By lease_id.
  const std::map<std::string, Ended>& ended() const { return ended_; }    // By lease_id.

  // What the last batch granted and ended, even if only for a moment.
  bool GrantedNow(const std::string& lease_id) const { return granted_now_.contains(lease_id); }
  bool EndedNow(const std::string& lease_id) const { return ended_now_.contains(lease_id); }

  // Whether the id was ended before the last batch or has ended with it.
  bool HasEnded(const std::string& lease_id) const {
    return EndedNow(lease_id) || ended_before_.contains(lease_id);
  }

  // Lapse and delivery timers that must be set.
  std::size_t TimersNeeded() const;

 private:
  // The lease that was granted to this id with this token, if it is held.
  Lease* Find(const std::string& lease_id, std::uint64_t token);
  Lease* Find(const LeaseView& view) {
    return Find(view.lease.spec.lease_id, view.lease.fencing_token);
  }

  void Check(const PutLease& change, const Turn& turn);
  void Check(const PutEnded& change, const Turn& turn);
  void Check(const DeleteEnded& change, const Turn& turn);
  void Check(const ReserveTokens& change, const Turn& turn);
  void CheckLeaseEnd(const Lease& lease, EndCause cause, const Turn& turn) const;

  const Limits limits_;
  std::map<std::string, Lease> leases_;
  std::map<std::string, Ended> ended_;
  std::uint64_t reserved_ = 0;
  std::uint64_t last_token_ = 0;  // Of all that were ever granted.

  // Of the last batch.
  std::set<std::string> granted_now_;
  std::set<std::string> ended_now_;
  std::set<std::string> ended_before_;
  std::set<std::uint64_t> tokens_alive_;  // At some moment of the batch.
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_RECORD_CHECKER_H_
