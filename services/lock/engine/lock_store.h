// The storage interface: all that the engine needs from, and knows of, a store.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STORE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STORE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "services/common/clock.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/record_change.h"

namespace holdfast {

// Receives the records of a store, each once, in any order. A lease_id is either held
// or ended.
class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  virtual void OnLease(LeaseRecord lease) = 0;
  virtual void OnEnded(std::string lease_id, EndCause cause) = 0;
  virtual void OnReservedTokens(std::uint64_t through) = 0;
};

// Used by one thread at a time: whoever has the engine's turn.
class LockStore {
 public:
  virtual ~LockStore() = default;

  // Passes every record to `visitor`. Called once, before the first Commit.
  // DATA_LOSS: a record cannot be read; the message names it. The visitor may already
  // have received some records.
  virtual absl::Status Load(RecordVisitor& visitor) = 0;

  // Writes the whole batch or nothing, and returns OK only once it is as durable as
  // the store was configured to make it. After an error the state of the disk is
  // unknown: the store must not be used again and the commit must not be retried,
  // because a second sync can succeed after the first one has lost the data.
  virtual absl::Status Commit(const RecordBatch& batch) = 0;

  // How long the Commit of this batch is likely to wait for a disk, as far as earlier ones
  // can tell. Zero: not at all. A disk may always take longer.
  virtual Duration LikelyWait(const RecordBatch& batch) const {
    return batch.empty() ? Duration::zero() : Duration::max();
  }
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LOCK_STORE_H_
