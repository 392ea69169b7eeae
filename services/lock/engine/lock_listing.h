// Answers List from the locks of the table.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/outcome.h"

namespace holdfast {

// One page; lock_walk.h says when it ends early.
Listed ListLocks(const LockMap& locks, const ListCommand& command, const Now& now);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_
