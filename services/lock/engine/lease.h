// Leases, and how locks look from outside. Plain values, thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/common/clock.h"

namespace holdfast {

// What a caller asks for. Two requests with the same lease_id must agree in all
// of it.
struct LeaseSpec {
  std::string key;
  std::string lease_id;
  std::string owner;
  std::vector<std::string> tags;   // In byte order, without repeats.
  std::optional<Duration> expire;  // Absent: until released.

  bool operator==(const LeaseSpec&) const = default;
};

// The expire that a lease was asked for with.
struct AskedExpire {
  std::optional<Duration> expire;  // Absent: until released.

  bool operator==(const AskedExpire&) const = default;
};

// A lease as it is stored: what was asked for and what was granted. It holds no
// deadline, because deadlines do not survive a restart.
struct LeaseRecord {
  LeaseSpec spec;  // With the expire that it has now.
  std::uint64_t fencing_token = 0;
  WallTime granted_at{};  // For display only.

  // Present where a renewal has given the lease another expire since: a request
  // that is sent again late still has the first one.
  std::optional<AskedExpire> asked{};

  const std::optional<Duration>& asked_expire() const {
    return asked.has_value() ? asked->expire : spec.expire;
  }

  // As a renewal does.
  void ChangeExpire(Duration expire) {
    const AskedExpire first{asked_expire()};
    spec.expire = expire;
    asked.reset();
    if (first.expire != spec.expire) asked = first;
  }

  bool operator==(const LeaseRecord&) const = default;
};

// Selects leases: for listings, watches and releases by tag.
struct LeaseFilter {
  std::string key_prefix;         // Empty: every key.
  std::vector<std::string> tags;  // All of these; in byte order, without repeats.

  bool Matches(const LeaseSpec& spec) const {
    return spec.key.starts_with(key_prefix) &&
           std::includes(spec.tags.begin(), spec.tags.end(), tags.begin(), tags.end());
  }
};

// How a lease_id came to its end.
enum class EndCause { kReleased, kExpired, kForced, kCancelled, kTimedOut };

// A lease as its holder sees it.
struct LeaseView {
  LeaseRecord lease;
  std::optional<Duration> remaining;  // Absent as spec.expire is.
  Duration elapsed{};                 // From the receipt of the call to the moment described.
};

// A lease as everybody else sees it: the lease_id is a secret.
struct HolderView {
  std::string owner;
  std::uint64_t fencing_token = 0;
  std::vector<std::string> tags;
  std::optional<Duration> expire;
  std::optional<Duration> remaining;
  WallTime held_since{};
  Duration held_for{};
};

struct WaiterView {
  std::string owner;
  std::vector<std::string> tags;
  std::uint32_t position = 0;  // 1 is next in line.
  Duration waiting_for{};
  bool parked = false;  // Keeps its place, but has no open call.
};

struct LockView {
  std::string key;
  std::vector<HolderView> holders;
  std::uint32_t queue_length = 0;
  std::vector<WaiterView> waiters;  // The first few, in order.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_H_
