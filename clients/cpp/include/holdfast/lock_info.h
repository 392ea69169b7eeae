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

// Where in the queue an acquire stands.
struct QueueInfo {
  std::uint32_t position = 0;  // 1 is next in line.
  // Those with smaller numbers are granted first.
  std::uint64_t queue_sequence = 0;
  std::vector<HolderInfo> holders;  // Who holds the lock now.
};

}  // namespace holdfast

#endif  // HOLDFAST_LOCK_INFO_H_
