// The port to the disk: what the engine needs of a store, and all that it knows
// of one.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STORE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STORE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/record_change.h"

namespace holdfast {

// Receives what a store holds, each record once, in any order: a lease_id is held or has
// ended.
class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  virtual void OnLease(LeaseRecord lease) = 0;
  virtual void OnEnded(std::string lease_id, EndCause cause) = 0;
  virtual void OnReservedTokens(std::uint64_t through) = 0;
};

// Single-threaded: one thread at a time, the engine's.
class LockStore {
 public:
  virtual ~LockStore() = default;

  // Hands every record to `visitor`. Called once, before the first Commit.
  // DATA_LOSS: a record cannot be read; the message names it. The visitor may
  // have been given some records by then.
  virtual absl::Status Load(RecordVisitor& visitor) = 0;

  // Writes the whole batch or nothing, and returns OK only once it is as
  // durable as the store has been told to make it. After an error the state of
  // the disk is unknown: the store must not be used again, and nobody may retry,
  // because a second sync can succeed after the first one has lost the data.
  virtual absl::Status Commit(const RecordBatch& batch) = 0;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STORE_H_
