// For tests: a store that can be held up, and counts. What it is given it forgets.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_GATE_STORE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_GATE_STORE_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/mutex.h"
#include "services/common/clock.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/record_change.h"

namespace holdfast {

// What the test holds in its hand while the engine has the store. Thread-safe.
class StoreGate {
 public:
  // What comes next, load or commit, waits for Open.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  void Open() {
    MutexLock lock(mutex_);
    closed_ = false;
    changed_.NotifyAll();
  }

  // Returns once somebody waits at the closed gate.
  void AwaitArrival() {
    MutexLock lock(mutex_);
    while (waiting_ == 0) changed_.Wait(mutex_);
  }

  // Commits fail from now on.
  void FailWith(absl::Status error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
  }

  // Of every commit so far, how many changes it had.
  std::vector<std::size_t> batch_sizes() const {
    MutexLock lock(mutex_);
    return batch_sizes_;
  }

 private:
  friend class GateStore;

  void Pass() REQUIRES(mutex_) {
    ++waiting_;
    changed_.NotifyAll();
    while (closed_) changed_.Wait(mutex_);
    --waiting_;
  }

  mutable Mutex mutex_;
  CondVar changed_;
  bool closed_ GUARDED_BY(mutex_) = false;
  int waiting_ GUARDED_BY(mutex_) = 0;
  std::vector<std::size_t> batch_sizes_ GUARDED_BY(mutex_);
  absl::Status error_ GUARDED_BY(mutex_);
};

// Single-threaded, as LockStore says. `gate` must outlive it. `wait` is what LikelyWait says
// of whatever there is to commit.
class GateStore final : public LockStore {
 public:
  explicit GateStore(StoreGate& gate, Duration wait = Duration::max()) : gate_(gate), wait_(wait) {}

  absl::Status Load(RecordVisitor& /*visitor*/) override {
    MutexLock lock(gate_.mutex_);
    gate_.Pass();
    return absl::OkStatus();
  }
  absl::Status Commit(const RecordBatch& batch) override {
    MutexLock lock(gate_.mutex_);
    gate_.Pass();
    gate_.batch_sizes_.push_back(batch.size());
    return gate_.error_;
  }
  Duration LikelyWait(const RecordBatch& batch) const override {
    return batch.empty() ? Duration::zero() : wait_;
  }

 private:
  StoreGate& gate_;
  const Duration wait_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_TESTING_GATE_STORE_H_
