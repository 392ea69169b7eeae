#include "services/lock/storage/testing/memory_store.h"

#include <utility>

namespace holdfast {

void MemoryDisk::FailNextCommit(absl::Status error, Failure failure) {
  MutexLock lock(mutex_);
  next_failure_ = PlannedFailure{std::move(error), failure};
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryDisk> disk)
    : disk_(std::move(disk)), generation_([this] {
        MutexLock lock(disk_->mutex_);
        return ++disk_->stores_opened_;
      }()) {}

absl::Status MemoryStore::Load(RecordVisitor& visitor) {
  // The visitor is called without the lock.
  const StoredRecords content = [this] {
    MutexLock lock(disk_->mutex_);
    return disk_->content_;
  }();
  content.Visit(visitor);
  return absl::OkStatus();
}

absl::Status MemoryStore::Commit(const RecordBatch& batch) {
  MutexLock lock(disk_->mutex_);
  if (failed_) return absl::FailedPreconditionError("an earlier commit has failed");
  if (generation_ != disk_->stores_opened_) {
    return absl::FailedPreconditionError("another store has been opened since");
  }
  if (batch.empty()) return absl::OkStatus();
  const auto failure = std::exchange(disk_->next_failure_, std::nullopt);
  if (!failure.has_value() || failure->failure == MemoryDisk::Failure::kAllWritten) {
    disk_->content_.Apply(batch);
  }
  failed_ = failure.has_value();
  return failed_ ? failure->error : absl::OkStatus();
}

}  // namespace holdfast
