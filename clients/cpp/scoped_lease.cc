#include "holdfast/scoped_lease.h"

#include <utility>

#include "absl/status/status.h"
#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/lock_core.h"

namespace holdfast {

ScopedLease::ScopedLease(std::shared_ptr<core::LockCore> lock, Lease lease, AtEnd at_end)
    : lock_(std::move(lock)), lease_(std::move(lease)), at_end_(at_end) {}

ScopedLease::ScopedLease(ScopedLease&& other) noexcept
    : lock_(std::move(other.lock_)), lease_(other.lease_), at_end_(other.at_end_) {}

ScopedLease& ScopedLease::operator=(ScopedLease&& other) noexcept {
  if (this == &other) return *this;
  End();
  lock_ = std::move(other.lock_);
  lease_ = other.lease_;
  at_end_ = other.at_end_;
  return *this;
}

ScopedLease::~ScopedLease() { End(); }

Lease ScopedLease::Detach() && {
  lock_ = nullptr;
  return lease_;
}

void ScopedLease::End() noexcept {
  if (lock_ == nullptr) return;
  const std::shared_ptr<core::LockCore> lock = std::exchange(lock_, nullptr);
  const core::ClientCore& client = lock->client();
  if (at_end_ == AtEnd::kWait) {
    (void)client.Part([&](auto done) { lock->ReleaseOnly(lease_.core_, std::move(done)); });
  } else if (client.InOwnProcess()) {
    lock->ReleaseOnly(lease_.core_, [](const absl::Status&) {});
  }
}

}  // namespace holdfast
