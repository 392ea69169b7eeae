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

// One lease, without the secret that would let others end it.
struct HolderInfo {
  std::string owner;
  std::uint64_t fencing_token = 0;
  Tags tags;
  std::optional<Duration> expire;     // Absent: until released.
  std::optional<Duration> remaining;  // Absent as `expire` is.
  Duration held_for{};
};

// One lock.
struct LockInfo {
  std::string key;
  std::vector<HolderInfo> holders;  // Empty: free.
  std::uint32_t queue_length = 0;   // How many wait for it.
};

// Selects locks by their keys and by the leases on them. Empty: all.
struct LockFilter {
  std::string key_prefix{};  // Up to 512 bytes.
  Tags tags{};               // A lease on the lock carries all of these.
};

// Some of the locks that are held or waited for, in the byte order of their keys.
struct LockPage {
  std::vector<LockInfo> locks;  // May be none, with more to come.
  std::string next_page_token;  // Empty: that was all.
};

struct ReleaseByTagOptions {
  bool dry_run = false;  // Change nothing, and tell what would be ended.

  // Spare leases with a larger token: they were granted later. 0: later than this call.
  // From the answer to a dry run, it makes sure that nothing newer is ended.
  std::uint64_t max_fencing_token = 0;
};

struct ReleasedLocks {
  // The locks whose lease was ended, or would be, as they were before.
  std::vector<LockInfo> locks;
  std::uint64_t max_fencing_token = 0;  // Leases with a larger one were spared.
};

// Where in the queue an acquire stands.
struct QueueInfo {
  std::uint32_t position = 0;  // 1 is next in line.
  // Those with smaller numbers are granted first.
  std::uint64_t queue_sequence = 0;
  std::vector<HolderInfo> holders;  // Who holds the lock now.
};

}  // namespace holdfast

#endif  // HOLDFAST_LOCK_INFO_H_
