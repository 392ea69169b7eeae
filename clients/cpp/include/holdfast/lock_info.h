// A lock as everybody sees it. Plain values, thread-compatible.

#ifndef HOLDFAST_LOCK_INFO_H_
#define HOLDFAST_LOCK_INFO_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/tags.h"
#include "holdfast/time.h"

namespace holdfast {

// One lease, without its lease_id, which would let others end it.
struct HolderInfo {
  std::string owner;
  std::uint64_t fencing_token = 0;
  Tags tags;
  std::optional<Duration> expire;     // Absent: until released.
  std::optional<Duration> remaining;  // Absent if `expire` is.
  Duration held_for{};
};

// One lock.
struct LockInfo {
  std::string key;
  std::vector<HolderInfo> holders;  // Empty: free.
  std::uint32_t queue_length = 0;   // The number of waiters.
};

// Selects locks by their keys and by the leases on them. Empty: all locks.
struct LockFilter {
  std::string key_prefix{};  // Up to 512 bytes.
  Tags tags{};               // A lease on the lock carries all of these tags.
};

// One page of the locks that are held or waited for, in the byte order of their keys.
struct LockPage {
  std::vector<LockInfo> locks;  // May be empty although more follow.
  std::string next_page_token;  // Empty: this was the last page.
};

struct ReleaseByTagOptions {
  bool dry_run = false;  // Change nothing; report what would be ended.

  // Spare leases with a larger token, which were granted later. 0: spare only those
  // granted after this call. Pass the value from a dry run to make sure that nothing
  // newer is ended.
  std::uint64_t max_fencing_token = 0;
};

struct ReleasedLocks {
  // The locks whose leases were ended, or would be, as they were just before.
  std::vector<LockInfo> locks;
  std::uint64_t max_fencing_token = 0;  // Leases with a larger one were spared.
};

// The place of an acquire in the queue.
struct QueueInfo {
  std::uint32_t position = 0;  // 1 is next in line.
  // Smaller numbers are granted first.
  std::uint64_t queue_sequence = 0;
  std::vector<HolderInfo> holders;  // The current holder.
};

}  // namespace holdfast

#endif  // HOLDFAST_LOCK_INFO_H_
