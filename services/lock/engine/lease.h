// Leases, and the public views of locks. Plain values, thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/common/clock.h"
#include "services/common/principal.h"
#include "services/lock/engine/key_set.h"

namespace holdfast {

// What a caller requests. Two requests with the same lease_id must agree in all
// of it.
struct LeaseSpec {
  std::string key;
  std::string lease_id;
  std::string owner;
  std::vector<std::string> tags;   // In byte order, without repeats.
  std::optional<Duration> expire;  // Absent: until released.

  // Ends at once when its session's stream, over a Unix socket, is ended by its client.
  bool bound = false;

  // How long after its grant, or a restart of the server, the lease ends whatever its
  // renewals. Absent: never.
  std::optional<Duration> max_hold{};

  bool operator==(const LeaseSpec&) const = default;
};

// The expire that a lease was originally requested with.
struct AskedExpire {
  std::optional<Duration> expire;  // Absent: until released.

  bool operator==(const AskedExpire&) const = default;
};

// A lease as it is stored: what was requested and what was granted. It has no
// deadline, because deadlines do not survive a restart.
struct LeaseRecord {
  LeaseSpec spec;  // With its current expire.
  std::uint64_t fencing_token = 0;
  WallTime granted_at{};  // For display only.

  // Present if a renewal has changed the expire: a late retry of the request
  // still carries the original one.
  std::optional<AskedExpire> asked{};

  // Who made the request: of several that sent it with this lease_id, the first.
  Principal principal{};

  const std::optional<Duration>& asked_expire() const {
    return asked.has_value() ? asked->expire : spec.expire;
  }

  // Applies the expire of a renewal.
  void ChangeExpire(Duration expire) {
    const AskedExpire first{asked_expire()};
    spec.expire = expire;
    asked.reset();
    if (first.expire != spec.expire) asked = first;
  }

  bool operator==(const LeaseRecord&) const = default;
};

// Selects leases, for listings, watches and releases by tag.
struct LeaseFilter {
  std::string key_prefix;         // Empty: every key.
  std::vector<std::string> tags;  // All are required; in byte order, without repeats.

  // What the caller may see. Null: every key.
  std::shared_ptr<const KeySet> among{};

  bool Matches(const LeaseSpec& spec) const {
    return spec.key.starts_with(key_prefix) && (among == nullptr || among->Contains(spec.key)) &&
           std::includes(spec.tags.begin(), spec.tags.end(), tags.begin(), tags.end());
  }
};

// How a lease_id ended.
enum class EndCause { kReleased, kExpired, kForced, kCancelled, kTimedOut };

// A lease as its holder sees it.
struct LeaseView {
  LeaseRecord lease;
  std::optional<Duration> remaining;  // Absent: until released.
  Duration elapsed{};                 // From receiving the call to the moment described.
};

// A lease as everybody else sees it, without the lease_id, which is secret.
struct HolderView {
  std::string owner;
  std::uint64_t fencing_token = 0;
  std::vector<std::string> tags;
  std::optional<Duration> expire;
  std::optional<Duration> remaining;
  WallTime held_since{};
  Duration held_for{};
  Principal principal{};
};

struct WaiterView {
  std::string owner;
  std::vector<std::string> tags;
  std::uint32_t position = 0;  // 1 is next in line.
  Duration waiting_for{};
  bool parked = false;  // Has no open call, but keeps its place.
  Principal principal{};
};

struct LockView {
  std::string key;
  std::vector<HolderView> holders;
  std::uint32_t queue_length = 0;
  std::vector<WaiterView> waiters;  // The first few, in order.
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_H_
