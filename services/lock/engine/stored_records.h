// The contents of a store as a value: used by in-memory stores and for backups, and compared
// in tests.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_STORED_RECORDS_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_STORED_RECORDS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/record_change.h"

namespace holdfast {

// Thread-compatible.
struct StoredRecords {
  // By lease_id, which is in at most one of the two.
  std::map<std::string, LeaseRecord> leases;
  std::map<std::string, EndCause> ended;
  std::optional<std::uint64_t> reserved_tokens;

  // Applies a commit.
  void Apply(const RecordBatch& batch) {
    for (const RecordChange& change : batch) {
      std::visit([this](const auto& made) { Make(made); }, change);
    }
  }

  // Passes every record to `visitor`, as LockStore::Load does.
  void Visit(RecordVisitor& visitor) const {
    for (const auto& [lease_id, lease] : leases) visitor.OnLease(lease);
    for (const auto& [lease_id, cause] : ended) visitor.OnEnded(lease_id, cause);
    if (reserved_tokens.has_value()) visitor.OnReservedTokens(*reserved_tokens);
  }

  friend bool operator==(const StoredRecords& a, const StoredRecords& b) = default;

 private:
  void Make(const PutLease& change) {
    ended.erase(change.lease.spec.lease_id);
    leases.insert_or_assign(change.lease.spec.lease_id, change.lease);
  }
  void Make(const PutEnded& change) {
    leases.erase(change.lease_id);
    ended.insert_or_assign(change.lease_id, change.cause);
  }
  void Make(const DeleteEnded& change) {
    leases.erase(change.lease_id);
    ended.erase(change.lease_id);
  }
  void Make(const ReserveTokens& change) { reserved_tokens = change.through; }
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_STORED_RECORDS_H_
