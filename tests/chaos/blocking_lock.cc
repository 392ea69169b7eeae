#include "tests/chaos/blocking_lock.h"

#include <future>
#include <utility>

#include "holdfast/async_lock.h"
#include "holdfast/sync_lock.h"

namespace holdfast::chaos {
namespace {

class BlockingSyncLock final : public BlockingLock {
 public:
  BlockingSyncLock(Client& client, const std::string& key, const LockOptions& options)
      : lock_(client, key, options) {}

  absl::StatusOr<Lease> Acquire(std::stop_token stop) override {
    return lock_.Acquire(std::move(stop));
  }
  absl::Status Release() override { return lock_.Release(); }

 private:
  SyncLock lock_;
};

class BlockingAsyncLock final : public BlockingLock {
 public:
  BlockingAsyncLock(Client& client, const std::string& key, const LockOptions& options)
      : lock_(client, key, options) {}

  absl::StatusOr<Lease> Acquire(std::stop_token stop) override {
    std::promise<absl::StatusOr<Lease>> promise;
    lock_.AcquireThen(
        [&promise](absl::StatusOr<Lease> lease) { promise.set_value(std::move(lease)); },
        std::move(stop));
    return promise.get_future().get();
  }
  absl::Status Release() override {
    std::promise<absl::Status> promise;
    lock_.ReleaseThen([&promise](absl::Status status) { promise.set_value(std::move(status)); });
    return promise.get_future().get();
  }

 private:
  AsyncLock lock_;
};

}  // namespace

std::unique_ptr<BlockingLock> BlockingLock::Create(Kind kind, Client& client,
                                                   const std::string& key,
                                                   const LockOptions& options) {
  if (kind == Kind::kSync) return std::make_unique<BlockingSyncLock>(client, key, options);
  return std::make_unique<BlockingAsyncLock>(client, key, options);
}

}  // namespace holdfast::chaos
