#include "services/lock/engine/lock_listing.h"

#include <algorithm>
#include <optional>
#include <string>

namespace holdfast {
namespace {

bool Matches(const LockState& lock, const LeaseFilter& filter) {
  if (filter.tags.empty()) return true;  // The keys have the prefix anyway.
  return std::any_of(lock.holders.begin(), lock.holders.end(),
                     [&](const HeldLease* lease) { return filter.Matches(lease->record.spec); });
}

}  // namespace

bool SkipToNext(const LockMap& locks, const KeySet& among, LockMap::const_iterator& it) {
  while (it != locks.end() && !among.Contains(it->first)) {
    const std::optional<std::string> next = among.NextBoundary(it->first);
    it = next.has_value() ? locks.lower_bound(*next) : locks.end();
  }
  return it != locks.end();
}

Listed ListLocks(const LockMap& locks, const ListCommand& command, const Now& now) {
  Listed page;
  std::optional<std::string> after;
  if (!command.after_key.empty()) after = command.after_key;
  page.next_after_key = WalkPage(locks, command.filter.key_prefix, after,
                                 command.filter.among.get(), [&](const LockState& lock) {
                                   if (Matches(lock, command.filter))
                                     page.locks.push_back(lock.View(now, 0));
                                   return page.locks.size() < command.page_size;
                                 });
  return page;
}

}  // namespace holdfast
