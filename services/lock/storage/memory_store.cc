#include "services/lock/storage/memory_store.h"

#include <utility>
#include <variant>

namespace holdfast {

void MemoryDisk::FailNextCommit(absl::Status error, Failure failure) {
  MutexLock lock(mutex_);
  next_failure_ = PlannedFailure{std::move(error), failure};
}

void MemoryDisk::Content::operator()(const PutLease& change) {
  leases.insert_or_assign(change.lease.spec.lease_id, change.lease);
}

void MemoryDisk::Content::operator()(const DeleteLease& change) { leases.erase(change.lease_id); }

void MemoryDisk::Content::operator()(const PutEnded& change) {
  ended.insert_or_assign(change.lease_id, change.cause);
}

void MemoryDisk::Content::operator()(const DeleteEnded& change) { ended.erase(change.lease_id); }

void MemoryDisk::Content::operator()(const ReserveTokens& change) {
  reserved_tokens = change.through;
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryDisk> disk)
    : disk_(std::move(disk)), generation_([this] {
        MutexLock lock(disk_->mutex_);
        return ++disk_->stores_opened_;
      }()) {}

absl::Status MemoryStore::Load(RecordVisitor& visitor) {
  // The visitor is called without the lock.
  const MemoryDisk::Content content = [this] {
    MutexLock lock(disk_->mutex_);
    return disk_->content_;
  }();
  for (const auto& [lease_id, lease] : content.leases) visitor.OnLease(lease);
  for (const auto& [lease_id, cause] : content.ended) visitor.OnEnded(lease_id, cause);
  if (content.reserved_tokens.has_value()) visitor.OnReservedTokens(*content.reserved_tokens);
  return absl::OkStatus();
}

absl::Status MemoryStore::Commit(const RecordBatch& batch) {
  MutexLock lock(disk_->mutex_);
  if (failed_) return absl::FailedPreconditionError("a commit has failed before");
  if (generation_ != disk_->stores_opened_) {
    return absl::FailedPreconditionError("another store has been opened since");
  }
  if (batch.empty()) return absl::OkStatus();
  const auto failure = std::exchange(disk_->next_failure_, std::nullopt);
  if (!failure.has_value() || failure->failure == MemoryDisk::Failure::kAllWritten) {
    for (const RecordChange& change : batch) std::visit(disk_->content_, change);
  }
  failed_ = failure.has_value();
  return failed_ ? failure->error : absl::OkStatus();
}

}  // namespace holdfast
