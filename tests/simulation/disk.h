// The simulated disk: it keeps what was synced, and of what was not as much as the
// crash leaves.
//
// A commit of the store is written at once and synced some time later, when the server
// says so; until then nobody may be told of it. In a crash in between, the batch has
// either reached the disk or not: whole, because the log's checksums see to that (and
// the tests of the real store to them). Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_DISK_H_
#define HOLDFAST_TESTS_SIMULATION_DISK_H_

#include <memory>
#include <string>
#include <vector>

#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/record_change.h"
#include "services/lock/engine/stored_records.h"

namespace holdfast::simulation {

class Disk {
 public:
  // A store on this disk, for one life of the server. The disk outlives it.
  std::unique_ptr<LockStore> OpenStore();

  // Whether something was written that has not been synced.
  bool dirty() const { return !unsynced_.empty(); }

  void Sync();

  // The server has died. What was not synced is kept or lost.
  void Crash(bool keep_unsynced);

  // The next commit fails. What it has left nobody knows: its batch counts as not
  // synced, or is lost, and no later sync brings it back.
  void FailNextCommit(bool loses_batch) { next_failure_ = {true, loses_batch}; }
  void Heal() { next_failure_ = {}; }

  // Lease ids that were granted and are not synced yet.
  std::vector<std::string> UnsyncedGrants() const;

  // What is held, as of the last sync.
  std::vector<LeaseSpec> HeldLeases() const;
  bool Holds(const std::string& lease_id) const { return synced_.leases.contains(lease_id); }

 private:
  class Store;

  StoredRecords synced_;
  RecordBatch unsynced_;
  struct Failure {
    bool planned = false;
    bool loses_batch = false;
  };
  Failure next_failure_;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_DISK_H_
