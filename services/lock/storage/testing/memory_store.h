// The store's fake: as durable as a shared object.
//
// What would be on the disk is a MemoryDisk, which outlives the stores that are
// opened on it. A crash is a second store on the same disk: the first one is the
// dead process, and its commits fail from then on.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_MEMORY_STORE_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_MEMORY_STORE_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/stored_records.h"

namespace holdfast {

// Thread-safe: a test may arrange a failure while the engine commits.
class MemoryDisk {
 public:
  // What a commit that fails leaves behind. Both happen to real disks.
  enum class Failure { kNothingWritten, kAllWritten };

  // The next commit that is not empty fails with `error`, which is not OK.
  void FailNextCommit(absl::Status error, Failure failure);

 private:
  friend class MemoryStore;

  struct PlannedFailure {
    absl::Status error;
    Failure failure{};
  };

  Mutex mutex_;
  StoredRecords content_ GUARDED_BY(mutex_);
  std::optional<PlannedFailure> next_failure_ GUARDED_BY(mutex_);
  int stores_opened_ GUARDED_BY(mutex_) = 0;
};

// Single-threaded, as LockStore says.
class MemoryStore : public LockStore {
 public:
  explicit MemoryStore(std::shared_ptr<MemoryDisk> disk);

  absl::Status Load(RecordVisitor& visitor) override;

  // FAILED_PRECONDITION: a commit has failed before, or the disk has been opened
  // by another store since.
  absl::Status Commit(const RecordBatch& batch) override;
  Duration LikelyWait(const RecordBatch& /*batch*/) const override { return {}; }

 private:
  const std::shared_ptr<MemoryDisk> disk_;
  const int generation_;  // How many stores the disk had with this one.
  bool failed_ = false;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_MEMORY_STORE_H_
