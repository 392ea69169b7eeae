// The part of the lock table that takes up what the store holds at start-up.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/lock/engine/lock_table.h"

namespace holdfast {
namespace {

absl::Status HeldAndEnded(const std::string& key) {
  return absl::DataLossError(absl::StrCat("the lease on ", key, " is stored both held and ended"));
}

}  // namespace

absl::Status LockTable::RestoreLease(LeaseRecord record, const Now& now) {
  if (const KnownId id = ids_.Find(record.spec.lease_id); !id.unknown()) {
    if (id.ended.has_value()) return HeldAndEnded(record.spec.key);
    return absl::DataLossError(
        absl::StrCat("two leases with one id are stored; the key of one is ", record.spec.key));
  }
  LockState& lock = LockFor(record.spec.key);
  if (!lock.is_free()) {
    return absl::DataLossError(absl::StrCat("two leases are stored for the key ", lock.key));
  }
  auto owned = std::make_unique<HeldLease>();
  owned->record = std::move(record);
  owned->lock = &lock;
  owned->restored = true;
  owned->granted = now.monotonic;
  // Nobody can tell any more, and to release it might take it from its holder.
  owned->delivered = true;
  HeldLease& lease = ids_.AddLease(std::move(owned));
  StartLease(lease, now.monotonic);
  lock.holders.push_back(&lease);
  return absl::OkStatus();
}

absl::Status LockTable::RestoreEnded(const std::string& lease_id, EndCause cause, const Now& now) {
  if (const KnownId id = ids_.Find(lease_id); !id.unknown()) {
    if (id.lease != nullptr) return HeldAndEnded(id.key());
    return absl::DataLossError("an ended lease id is stored twice");
  }
  ids_.RestoreEnded(lease_id, cause, now.monotonic);
  return absl::OkStatus();
}

absl::Status LockTable::FinishRestore() const {
  for (const auto& [key, lock] : locks_) {
    if (lock->current_token() > tokens_.reserved_through()) {
      return absl::DataLossError(
          absl::StrCat("the lease on ", lock->key, " has the token ", lock->current_token(),
                       ", above the stored high-water mark ", tokens_.reserved_through()));
    }
  }
  return absl::OkStatus();
}

}  // namespace holdfast
