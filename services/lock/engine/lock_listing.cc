#include "services/lock/engine/lock_listing.h"

#include <algorithm>
#include <string>
#include <vector>

namespace holdfast {
namespace {

bool HasAllTags(const LockState& lock, const std::vector<std::string>& tags) {
  if (tags.empty()) return true;
  return std::any_of(lock.holders.begin(), lock.holders.end(), [&](const HeldLease* lease) {
    const std::vector<std::string>& has = lease->record.spec.tags;
    return std::includes(has.begin(), has.end(), tags.begin(), tags.end());
  });
}

}  // namespace

Listed ListLocks(const LockMap& locks, const ListCommand& command, const Now& now) {
  Listed page;
  auto it = command.after_key.empty() || command.after_key < command.key_prefix
                ? locks.lower_bound(command.key_prefix)
                : locks.upper_bound(command.after_key);
  const std::string* last_seen = nullptr;
  for (int scanned = 0; it != locks.end(); ++it, ++scanned) {
    if (!it->first.starts_with(command.key_prefix)) return page;
    if (scanned == kLocksScannedPerPage || page.locks.size() == command.page_size) {
      page.next_after_key = *last_seen;
      return page;
    }
    if (HasAllTags(*it->second, command.tags)) page.locks.push_back(it->second->View(now, 0));
    last_seen = &it->first;
  }
  return page;
}

}  // namespace holdfast
