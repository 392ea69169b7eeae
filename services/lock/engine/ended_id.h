// A lease_id that has ended, and why it is still remembered.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_ENDED_ID_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_ENDED_ID_H_

#include <cstdint>
#include <list>
#include <string>

#include "services/common/clock.h"
#include "services/lock/engine/lease.h"

namespace holdfast {

// A plain value.
struct EndedId {
  std::string lease_id;
  Instant since;  // Of the end; or, later, of when it came to be kept as it is now.
  EndCause cause{};

  // The only session that has ever used it (Session::ordinal). 0: somebody else has too,
  // so a duplicate of what they sent may be on its way.
  std::uint64_t session = 0;

  // Until when: its retention is over; its only session has acknowledged the end, which
  // it has been told; something is written.
  enum class Kept { kInFull, kAwaited, kAcknowledged };
  Kept kept = Kept::kInFull;
};

// Stays valid until the id is forgotten.
using EndedRef = std::list<EndedId>::iterator;

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_ENDED_ID_H_
