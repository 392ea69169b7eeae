// Answers List, and walks the locks under a prefix for listings and watch
// snapshots: page by page, in the byte order of their keys.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_

#include <optional>
#include <string>
#include <string_view>

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/outcome.h"

namespace holdfast {

// A page visits at most this many locks, so that a walk that finds little cannot
// hold up every other call.
inline constexpr int kLocksWalkedPerPage = 2'000;

// Moves `it` to the first lock from there on whose key is in the set. False: there is none.
bool SkipToNext(const LockMap& locks, const KeySet& among, LockMap::const_iterator& it);

// Calls `visit(const LockState&)` for one lock after another, starting after the
// key `after`, or at the first; but only for those with a key `among` those given, if
// there are any given. The others are skipped, many at a time, and never told of: where
// the next page starts is the key of one that was visited. `visit` returns whether the page has
// room for more. Returns the key after which the next page starts, or nothing if this was the last.
template <typename Visit>
std::optional<std::string> WalkPage(const LockMap& locks, const std::string& prefix,
                                    const std::optional<std::string>& after, const KeySet* among,
                                    Visit visit) {
  auto it =
      after.has_value() && *after >= prefix ? locks.upper_bound(*after) : locks.lower_bound(prefix);
  std::string_view last;
  bool has_room = true;
  for (int walked = 0; it != locks.end() && it->first.starts_with(prefix); ++it, ++walked) {
    if (among != nullptr && !SkipToNext(locks, *among, it)) break;
    if (!it->first.starts_with(prefix)) break;
    if (!has_room || walked == kLocksWalkedPerPage) return std::string(last);
    has_room = visit(*it->second);
    last = it->first;
  }
  return std::nullopt;
}

// One page.
Listed ListLocks(const LockMap& locks, const ListCommand& command, const Now& now);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_
