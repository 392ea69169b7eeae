// The changes that the engine asks the store to write.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_RECORD_CHANGE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_RECORD_CHANGE_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "services/lock/engine/lease.h"

namespace holdfast {

// A lease_id has one record, which says that it is held or that it has ended. Each change
// replaces the whole record.

// Adds a lease, or replaces the one with the same lease_id.
struct PutLease {
  LeaseRecord lease;
};

// Remembers that a lease_id, and its lease if it had one, has ended.
struct PutEnded {
  std::string lease_id;
  EndCause cause{};
};

// Forgets an ended lease_id.
struct DeleteEnded {
  std::string lease_id;
};

// Raises the token high-water mark: tokens up to `through` may be granted.
struct ReserveTokens {
  std::uint64_t through = 0;
};

using RecordChange = std::variant<PutLease, PutEnded, DeleteEnded, ReserveTokens>;

// Changes in the order in which they happened; later ones win.
using RecordBatch = std::vector<RecordChange>;

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_RECORD_CHANGE_H_
