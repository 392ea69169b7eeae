#include "holdfast/sync_lock.h"

#include <string>
#include <system_error>
#include <utility>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/core/lock_core.h"
#include "clients/cpp/core/runtime.h"

namespace holdfast {
namespace {

std::errc ToErrc(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
      return std::errc::timed_out;
    case absl::StatusCode::kCancelled:
      return std::errc::operation_canceled;
    case absl::StatusCode::kFailedPrecondition:
      return std::errc::operation_not_permitted;
    case absl::StatusCode::kInvalidArgument:
      return std::errc::invalid_argument;
    case absl::StatusCode::kPermissionDenied:
      return std::errc::permission_denied;
    case absl::StatusCode::kUnavailable:
      return std::errc::host_unreachable;
    default:
      return std::errc::resource_unavailable_try_again;
  }
}

// That the thread would wait for itself; or OK. It cannot become so meanwhile: only the
// thread itself acquires for itself.
absl::Status CheckNotHeldHere(const core::LockCore& lock) {
  const std::shared_ptr<core::LeaseCore> own = lock.OwnLease(core::ThisThread());
  if (own == nullptr) return absl::OkStatus();
  const bool lost = own->state() == LeaseState::kLost;
  return absl::FailedPreconditionError(
      "this thread already holds the lock " + lock.key() +
      " through this object, with fencing token " + std::to_string(own->facts().fencing_token) +
      (lost ? ", a lost lease; release it first" : "; release it first"));
}

// The lock is a copy of the object's, which may be destroyed while this waits.
absl::StatusOr<Lease> AcquireFor(const std::shared_ptr<core::LockCore> lock, Duration timeout,
                                 std::stop_token stop) {
  if (absl::Status status = CheckNotHeldHere(*lock); !status.ok()) return status;
  const std::shared_ptr<core::QueuedCallback> reporter = lock->NewReporter();
  core::AcquireResult result = lock->client().Block<core::AcquireResult>([&](auto done) {
    lock->Acquire({.timeout = timeout,
                   .holder = core::ThisThread(),
                   .stop = {std::move(stop)},
                   .reporter = reporter},
                  std::move(done));
  });
  // on_queued may refer to what is gone when the caller goes on.
  if (reporter != nullptr) reporter->AwaitQuiet();
  if (!result.ok()) return result.status();
  return Lease(*std::move(result));
}

}  // namespace

SyncLock::SyncLock(Client& client, std::string key, LockOptions options)
    : core_(std::make_shared<core::LockCore>(client.core_, std::move(key), std::move(options))) {}

SyncLock::~SyncLock() { Close(); }

SyncLock& SyncLock::operator=(SyncLock&& other) noexcept {
  if (this == &other) return *this;
  Close();
  core_ = std::move(other.core_);
  return *this;
}

void SyncLock::Close() noexcept {
  if (core_ == nullptr) return;
  (void)core_->client().Part([this](auto done) { core_->Close(std::move(done)); });
}

const std::string& SyncLock::key() const { return core_->key(); }
Duration SyncLock::timeout() const { return core_->options().timeout; }
std::optional<Duration> SyncLock::expire() const { return core_->options().expire; }
const Tags& SyncLock::tags() const { return core_->options().tags; }

absl::StatusOr<bool> SyncLock::Locked() const {
  const auto info = core_->client().Block<absl::StatusOr<LockInfo>>(
      [this](auto done) { core_->client().Get(key(), std::move(done)); });
  if (!info.ok()) return info.status();
  return !info->holders.empty();
}

absl::StatusOr<Lease> SyncLock::Acquire(std::stop_token stop) {
  return AcquireFor(core_, timeout(), std::move(stop));
}

absl::StatusOr<ScopedLease> SyncLock::AcquireScoped(std::stop_token stop) {
  const std::shared_ptr<core::LockCore> core = core_;
  absl::StatusOr<Lease> lease = AcquireFor(core, timeout(), std::move(stop));
  if (!lease.ok()) return lease.status();
  return ScopedLease(core, *std::move(lease), ScopedLease::AtEnd::kWait);
}

absl::Status SyncLock::Renew() {
  return core_->client().Block<absl::Status>(
      [this](auto done) { core_->Renew(std::move(done), core::ThisThread()); });
}

absl::Status SyncLock::Release() {
  return core_->client().Block<absl::Status>(
      [this](auto done) { core_->Release(std::move(done), core::ThisThread()); });
}

absl::Status SyncLock::Release(const Lease& lease) {
  return core_->client().Block<absl::Status>(
      [&](auto done) { core_->ReleaseOnly(lease.core_, std::move(done)); });
}

absl::StatusOr<Lease> SyncLock::Detach() {
  core::AcquireResult lease = core_->client().Block<core::AcquireResult>(
      [this](auto done) { core_->Detach(std::move(done), core::ThisThread()); });
  if (!lease.ok()) return lease.status();
  return Lease(*std::move(lease));
}

std::optional<Lease> SyncLock::lease() const {
  std::shared_ptr<core::LeaseCore> lease = core_->lease(core::ThisThread());
  if (lease == nullptr) return std::nullopt;
  return Lease(std::move(lease));
}

void SyncLock::lock() {
  const std::shared_ptr<core::LockCore> core = core_;
  const bool deadlock = !CheckNotHeldHere(*core).ok();
  const absl::Status status = AcquireFor(core, timeout(), {}).status();
  core->set_last_status(status);
  if (status.ok()) return;
  const std::errc code = deadlock ? std::errc::resource_deadlock_would_occur : ToErrc(status);
  throw std::system_error(std::make_error_code(code), core::Describe(status));
}

bool SyncLock::try_lock() { return TryLockFor(Duration::zero()); }

void SyncLock::unlock() {
  core_->set_last_status(core_->client().Part(
      [this](auto done) { core_->Release(std::move(done), core::ThisThread()); }));
}

absl::Status SyncLock::last_status() const { return core_->last_status(); }

bool SyncLock::TryLockFor(Duration timeout) {
  const std::shared_ptr<core::LockCore> core = core_;
  const absl::Status status = AcquireFor(core, timeout, {}).status();
  core->set_last_status(status);
  return status.ok();
}

}  // namespace holdfast
