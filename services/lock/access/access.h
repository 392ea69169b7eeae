// What one caller may do, and with which keys.

#ifndef HOLDFAST_SERVICES_LOCK_ACCESS_ACCESS_H_
#define HOLDFAST_SERVICES_LOCK_ACCESS_ACCESS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/lock/engine/key_set.h"
#include "services/lock/engine/quota.h"

namespace holdfast {

enum class Permission : std::uint8_t {
  kAcquire,  // Take a lock, wait for it, and renew its lease.
  kInspect,  // Look at locks: who holds them and who waits.
  kWatch,    // Be told what happens to them.
  kAdmin,    // End leases of others.
};

inline constexpr std::array<Permission, 4> kPermissions = {
    Permission::kAcquire, Permission::kInspect, Permission::kWatch, Permission::kAdmin};

// As rules have it: acquire, inspect, watch or admin.
std::string_view NameOf(Permission permission);

// Any of them.
class Permissions {
 public:
  constexpr Permissions() = default;
  static constexpr Permissions All() {
    Permissions all;
    for (const Permission permission : kPermissions) all.Add(permission);
    return all;
  }
  constexpr void Add(Permission permission) { bits_ |= Bit(permission); }
  constexpr bool Has(Permission permission) const { return (bits_ & Bit(permission)) != 0; }
  bool operator==(const Permissions&) const = default;

 private:
  static constexpr unsigned Bit(Permission permission) {
    return 1U << static_cast<unsigned>(permission);
  }

  unsigned bits_ = 0;
};

// The rules that are about one caller, in order. Immutable, and so thread-safe.
class Access {
 public:
  struct Grant {
    std::string key_prefix;
    Permissions may;

    bool operator==(const Grant&) const = default;
  };

  // The first of `grants` whose prefix a key has decides about it.
  Access(std::vector<Grant> grants, const Quota& quota);

  // May do everything, as everybody may where there are no rules.
  static const std::shared_ptr<const Access>& Unlimited();

  bool May(Permission permission, std::string_view key) const {
    const auto& keys = keys_[static_cast<std::size_t>(permission)];
    return keys == nullptr || keys->Contains(key);
  }

  // The keys with which it may. Null: all.
  const std::shared_ptr<const KeySet>& Keys(Permission permission) const {
    return keys_[static_cast<std::size_t>(permission)];
  }

  const Quota& quota() const { return quota_; }

  // Says the same of everything.
  bool operator==(const Access& other) const {
    return grants_ == other.grants_ && quota_ == other.quota_;
  }

 private:
  const std::vector<Grant> grants_;
  const Quota quota_;
  std::array<std::shared_ptr<const KeySet>, kPermissions.size()> keys_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ACCESS_ACCESS_H_
