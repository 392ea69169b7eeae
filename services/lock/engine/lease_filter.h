// Selects leases: for listings, watches and releases by tag. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_FILTER_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_FILTER_H_

#include <algorithm>
#include <string>
#include <vector>

#include "services/lock/engine/lease.h"

namespace holdfast {

struct LeaseFilter {
  std::string key_prefix;         // Empty: every key.
  std::vector<std::string> tags;  // All of these; in byte order, without repeats.

  bool Matches(const LeaseSpec& spec) const {
    return spec.key.starts_with(key_prefix) &&
           std::includes(spec.tags.begin(), spec.tags.end(), tags.begin(), tags.end());
  }
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LEASE_FILTER_H_
