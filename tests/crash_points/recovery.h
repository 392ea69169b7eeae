// Starts a server's store and engine on what a crash has left, and compares with
// what had been acknowledged.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_RECOVERY_H_
#define HOLDFAST_TESTS_CRASH_POINTS_RECOVERY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "services/lock/storage/rocksdb_store.h"
#include "tests/crash_points/disk_image.h"
#include "tests/crash_points/disk_operation.h"
#include "tests/crash_points/store_workload.h"

namespace holdfast {

// What must be there after a crash.
enum class Promise {
  // Everything that was acknowledged, and of the commit that was on its way all or
  // nothing.
  kAcknowledged,
  // The state after some commit, and a mark above every token that was granted; or
  // the store refuses to open. For a store that is not synced, after a loss of power.
  kTokens,
};

struct Expectation {
  Promise promise = Promise::kAcknowledged;
  const std::vector<ObservedCommit>* commits = nullptr;
  std::size_t last_acknowledged = 0;  // Of the commits.
  std::size_t last_begun = 0;         // The same, or the one behind it.
};

struct Recovery {
  std::string fault;     // Empty: all is as it must be.
  bool refused = false;  // The store did not open, as it may under kTokens.

  // What the store and the engine did to the disk: from `began_at` on, because first
  // the journal makes the image; up to `opened_at` it was the store alone, opening.
  DiskJournal journal{};
  std::size_t began_at = 0;
  std::size_t opened_at = 0;
};

// Puts `image` into `folder` and recovers there. Then lets the engine take a turn:
// all holders come back with their lease_ids and get the tokens that they had, ids
// that have ended are refused, and a new lock gets a token larger than every one
// before.
Recovery Recover(const DiskImage& image, const std::string& folder, Durability durability,
                 const Expectation& expected);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_RECOVERY_H_
