#include "services/lock/engine/lock_listing.h"

#include <algorithm>
#include <string>

namespace holdfast {
namespace {

bool Matches(const LockState& lock, const LeaseFilter& filter) {
  if (filter.tags.empty()) return true;  // The keys have the prefix anyway.
  return std::any_of(lock.holders.begin(), lock.holders.end(),
                     [&](const HeldLease* lease) { return filter.Matches(lease->record.spec); });
}

}  // namespace

Listed ListLocks(const LockMap& locks, const ListCommand& command, const Now& now) {
  Listed page;
  const std::string& prefix = command.filter.key_prefix;
  auto it = command.after_key.empty() || command.after_key < prefix
                ? locks.lower_bound(prefix)
                : locks.upper_bound(command.after_key);
  const std::string* last_seen = nullptr;
  for (int scanned = 0; it != locks.end(); ++it, ++scanned) {
    if (!it->first.starts_with(prefix)) return page;
    if (scanned == kLocksScannedPerPage || page.locks.size() == command.page_size) {
      page.next_after_key = *last_seen;
      return page;
    }
    if (Matches(*it->second, command.filter)) page.locks.push_back(it->second->View(now, 0));
    last_seen = &it->first;
  }
  return page;
}

}  // namespace holdfast
