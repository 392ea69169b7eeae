#include "services/lock/access/rules_in_force.h"

namespace holdfast {

void RulesInForce::Replace(Rules rules) {
  MutexLock lock(mutex_);
  rules_ = std::move(rules);
  kept_.clear();
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const Access> RulesInForce::For(const Principal& caller) const {
  if (version() == 0) return Access::Unlimited();
  MutexLock lock(mutex_);
  const auto found = kept_.find(caller.name());
  if (found != kept_.end()) return found->second;
  if (kept_.size() >= kMostKept) kept_.clear();
  return kept_[caller.name()] = rules_->For(caller);
}

}  // namespace holdfast
