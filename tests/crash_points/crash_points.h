// Every point at which a run of the store can be cut short, and what is found there
// by the next start.
//
// After each operation on the disk the crash is made in one of several ways, and the
// store recovers from it. Where a write comes next, the death of the process may
// also leave a part of that. From some of the recoveries, what they did themselves is
// cut short again in the same way: the machine that failed once fails once more while
// it starts.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_CRASH_POINTS_H_
#define HOLDFAST_TESTS_CRASH_POINTS_CRASH_POINTS_H_

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "services/lock/storage/rocksdb_store.h"

namespace holdfast {

// What happens to what was not synced; see disk_model.h. Where it is kept, the
// process has died; otherwise the power has failed.
enum class Unsynced { kKept, kDropped, kTorn, kWithHoles };

std::string ToString(Unsynced unsynced);
std::string ToString(Durability durability);

struct CrashOptions {
  std::uint64_t seed = 0;
  Durability durability = Durability::kSync;
  Unsynced unsynced = Unsynced::kKept;
  int starts = 4;
  int turns = 16;
  // One in so many recoveries is itself cut short, at every operation.
  std::size_t second_crash_every = 100;
};

struct CrashReport {
  std::size_t operations = 0;         // At which the run was cut short.
  std::size_t commits = 0;            // In the run.
  std::size_t recoveries = 0;         // Stores that were started.
  std::size_t second_recoveries = 0;  // Of these, from a recovery that was cut short.
  std::size_t refused = 0;            // Of these, those that did not open, and may.
  // Each with what it takes to see it again. It stops after a few.
  std::vector<std::string> faults;

  CrashReport& operator+=(const CrashReport& other);
};

std::ostream& operator<<(std::ostream& out, const CrashReport& report);

// Makes a run in a folder of its own below `folder`, and crashes it everywhere. If
// a fault is found, what was found last is left there.
CrashReport CrashEverywhere(const std::string& folder, const CrashOptions& options);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_CRASH_POINTS_H_
