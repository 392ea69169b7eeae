// What a server does to its store: a run of the engine on a store on the disk, over
// several starts, with everything written down.
//
// The commands come from a seed. There are grants with tags, some so large that a
// commit spans blocks of the log; renewals that change what is stored; releases,
// of leases and of unknown ids; waiters that are granted when a holder goes; leases
// that lapse; ended ids that are forgotten; and with the first grant of each start a
// reservation of tokens. The store keeps few changes in memory, so that it writes
// tables, begins new logs and merges tables all the time.
//
// The seed decides the commits. It does not decide when RocksDB's own thread writes
// what it writes meanwhile, so the journal of a second run may differ in its order.

#ifndef HOLDFAST_TESTS_CRASH_POINTS_STORE_WORKLOAD_H_
#define HOLDFAST_TESTS_CRASH_POINTS_STORE_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "rocksdb/env.h"
#include "services/lock/storage/rocksdb_store.h"
#include "services/lock/storage/testing/store_content.h"
#include "tests/crash_points/disk_operation.h"

namespace holdfast {

struct WorkloadOptions {
  std::uint64_t seed = 0;
  Durability durability = Durability::kSync;
  int starts = 4;
  int turns = 16;  // Between two starts.
  rocksdb::Env* env = nullptr;
};

inline constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

// One commit, as its caller saw it. Positions are those of the journal: the
// operations before them were done by then.
struct ObservedCommit {
  std::size_t begun = 0;
  std::size_t acknowledged = 0;     // Or kNever: it failed.
  StoreContent content;             // What the store holds after it.
  std::uint64_t highest_token = 0;  // Of all grants up to and with it.
};

struct StoreRun {
  DiskJournal journal;

  // The first one is none: what there is before anything was committed.
  std::vector<ObservedCommit> commits;

  // Of what cut the run short.
  absl::Status status;
};

// Where the store's data directory is, below a folder of the test.
inline std::string DataPath(const std::string& folder) { return folder + "/data"; }

// How small the store keeps its latest changes.
inline constexpr std::size_t kSmallWriteBuffer = 64 * 1024;

// Runs in `folder`, which exists and is empty, under a DiskRecorder.
StoreRun RunWorkload(const std::string& folder, const WorkloadOptions& options);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_CRASH_POINTS_STORE_WORKLOAD_H_
