// The rules that count at the moment, and what they come to for those who call.

#ifndef HOLDFAST_SERVICES_LOCK_ACCESS_RULES_IN_FORCE_H_
#define HOLDFAST_SERVICES_LOCK_ACCESS_RULES_IN_FORCE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/mutex.h"
#include "services/common/principal.h"
#include "services/lock/access/access.h"
#include "services/lock/access/rules.h"

namespace holdfast {

// Thread-safe.
class RulesInForce {
 public:
  // Those of so many callers are kept; then all are worked out anew.
  static constexpr std::size_t kMostKept = 10'000;

  // Without rules everybody may do everything.
  RulesInForce() = default;
  explicit RulesInForce(Rules rules) { Replace(std::move(rules)); }

  // From now on these count.
  void Replace(Rules rules);

  std::shared_ptr<const Access> For(const Principal& caller) const;

  // Rises with each Replace: as long as it is the same, so is what For says.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::uint64_t> version_{0};  // 0: there have never been any.
  mutable Mutex mutex_;
  std::optional<Rules> rules_ GUARDED_BY(mutex_);
  mutable absl::flat_hash_map<std::string, std::shared_ptr<const Access>> kept_ GUARDED_BY(mutex_);
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ACCESS_RULES_IN_FORCE_H_
