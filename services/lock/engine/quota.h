// How much one principal may have at a time, beside the limits for all together.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_QUOTA_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_QUOTA_H_

#include <cstdint>

namespace holdfast {

// A plain value. It comes with each command, so that it is that of the moment.
struct Quota {
  // Leases that it holds: with as many it is granted nothing that it has not waited for,
  // and does not begin to wait.
  std::uint32_t leases = UINT32_MAX;
  std::uint32_t waiters = UINT32_MAX;
  std::uint32_t sessions = UINT32_MAX;

  bool operator==(const Quota&) const = default;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_QUOTA_H_
