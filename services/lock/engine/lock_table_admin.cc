// The part of the lock table for those who look after locks: force them open, and
// watch what happens to them.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/lock/engine/lock_listing.h"
#include "services/lock/engine/lock_table.h"

namespace holdfast {

void LockTable::Apply(const Caller& caller, const ForceReleaseCommand& command, const Now& now,
                      Effects& effects) {
  const auto found = locks_.find(command.key);
  const bool held = found != locks_.end() && !found->second->is_free();
  if (!held || (command.fencing_token.has_value() &&
                *command.fencing_token != found->second->current_token())) {
    effects.Tell(caller, Refused{.reason = Refusal::kLockNotHeld});
    return;
  }
  LockState& lock = *found->second;
  HeldLease& lease = *lock.holders.front();
  Forced forced{lease.PublicView(now)};
  EndLease(lease, EndCause::kForced, News::kForSession, now, effects);
  effects.Tell(caller, std::move(forced));
}

void LockTable::Apply(const Caller& caller, const ReleaseByTagCommand& command, const Now& now,
                      Effects& effects) {
  const std::uint64_t max_token = command.max_fencing_token.value_or(tokens_.last());
  Listed page = ListLocks(locks_,
                          {.filter = {.tags = command.tags, .among = command.among},
                           .after_key = command.after_key,
                           .page_size = kForcedAtOnce},
                          now);
  ForcedPage forced{.locks = {},
                    .next_after_key = std::move(page.next_after_key),
                    .max_fencing_token = max_token};
  for (LockView& view : page.locks) {
    if (view.holders.front().fencing_token <= max_token) forced.locks.push_back(std::move(view));
  }
  if (!command.dry_run) {
    for (const LockView& view : forced.locks) {
      EndLease(*locks_.at(view.key)->holders.front(), EndCause::kForced, News::kForSession, now,
               effects);
    }
  }
  effects.Tell(caller, std::move(forced));
}

void LockTable::Apply(const Caller& caller, const WatchCommand& command, const Now& /*now*/,
                      Effects& effects) {
  watches_.Start(caller.call, command.filter, locks_, effects.deliveries);
}

void LockTable::Apply(const Caller& /*caller*/, const WatchNextPageCommand& command,
                      const Now& /*now*/, Effects& effects) {
  watches_.NextPage(command.call, locks_, effects.deliveries);
}

}  // namespace holdfast
