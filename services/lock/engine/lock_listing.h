// Answers List from the locks of the table.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_

#include "services/common/clock.h"
#include "services/lock/engine/command.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/outcome.h"

namespace holdfast {

// A page looks at this many locks at the most and then ends early, so that a
// listing that matches little cannot hold up every other call.
inline constexpr int kLocksScannedPerPage = 2'000;

Listed ListLocks(const LockMap& locks, const ListCommand& command, const Now& now);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_LISTING_H_
