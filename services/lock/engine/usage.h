// How much each principal has of what quotas bound.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_USAGE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_USAGE_H_

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "services/common/principal.h"

namespace holdfast {

// Counts one kind of thing by the principal that it belongs to; holds no more than there
// are principals that have some. Thread-compatible.
class Usage {
 public:
  void Add(const Principal& principal) { ++counts_[&principal.name()]; }

  // REQUIRES: it was added. Whatever it belongs to still has the principal.
  void Remove(const Principal& principal) {
    const auto found = counts_.find(&principal.name());
    if (--found->second == 0) counts_.erase(found);
  }

  std::size_t Of(const Principal& principal) const {
    const auto found = counts_.find(&principal.name());
    return found == counts_.end() ? 0 : found->second;
  }

  std::size_t principals() const { return counts_.size(); }

 private:
  // By the name's place, which all that are equal share for as long as there is one.
  absl::flat_hash_map<const std::string*, std::size_t> counts_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_USAGE_H_
