// The part of the lock table that takes up what the store holds at start-up.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/lock/engine/lock_table.h"

namespace holdfast {

absl::Status LockTable::RestoreLease(LeaseRecord record, const Now& now) {
  if (FindLease(record.spec.lease_id) != nullptr) {
    return absl::DataLossError(
        absl::StrCat("two leases with one id are stored; the key of one is ", record.spec.key));
  }
  LockState& lock = LockFor(record.spec.key);
  if (!lock.is_free()) {
    return absl::DataLossError(absl::StrCat("two leases are stored for the key ", lock.key));
  }
  auto owned = std::make_unique<HeldLease>();
  HeldLease& lease = *owned;
  lease.record = std::move(record);
  lease.lock = &lock;
  lease.restored = true;
  // Nobody can tell any more, and to release it might take it from its holder.
  lease.delivered = true;
  StartLease(lease, now.monotonic);
  lock.holders.push_back(&lease);
  leases_.emplace(lease.record.spec.lease_id, std::move(owned));
  return absl::OkStatus();
}

absl::Status LockTable::RestoreEnded(const std::string& lease_id, EndCause cause, const Now& now) {
  if (ended_.Find(lease_id).has_value()) {
    return absl::DataLossError("an ended lease id is stored twice");
  }
  ended_.Restore(lease_id, cause, now.monotonic);
  return absl::OkStatus();
}

absl::Status LockTable::FinishRestore() const {
  for (const auto& [lease_id, lease] : leases_) {
    if (lease->record.fencing_token > tokens_.reserved_through()) {
      return absl::DataLossError(absl::StrCat(
          "the lease on ", lease->record.spec.key, " has the token ", lease->record.fencing_token,
          ", above the stored high-water mark ", tokens_.reserved_through()));
    }
    if (ended_.Find(lease_id).has_value()) {
      return absl::DataLossError(
          absl::StrCat("the lease on ", lease->record.spec.key, " is stored both held and ended"));
    }
  }
  return absl::OkStatus();
}

}  // namespace holdfast
