#include "holdfast/sync_lock.h"

#include <system_error>
#include <utility>

#include "clients/cpp/core/blocking.h"
#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/lock_core.h"

namespace holdfast {
namespace {

std::errc ToErrc(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kDeadlineExceeded:
      return std::errc::timed_out;
    case absl::StatusCode::kFailedPrecondition:
      return std::errc::operation_not_permitted;
    case absl::StatusCode::kInvalidArgument:
      return std::errc::invalid_argument;
    case absl::StatusCode::kUnavailable:
      return std::errc::host_unreachable;
    default:
      return std::errc::resource_unavailable_try_again;
  }
}

}  // namespace

SyncLock::SyncLock(Client& client, std::string key, LockOptions options)
    : core_(std::make_shared<core::LockCore>(client.core_, std::move(key), std::move(options))) {}

SyncLock::~SyncLock() {
  (void)core::Part(core_->client(), [this](auto done) { core_->Close(std::move(done)); });
}

const std::string& SyncLock::key() const { return core_->key(); }
Duration SyncLock::timeout() const { return core_->options().timeout; }
std::optional<Duration> SyncLock::expire() const { return core_->options().expire; }
const Tags& SyncLock::tags() const { return core_->options().tags; }

absl::StatusOr<bool> SyncLock::Locked() const {
  const auto info = core::Block<absl::StatusOr<LockInfo>>(
      core_->client(), [this](auto done) { core_->client().Get(key(), std::move(done)); });
  if (!info.ok()) return info.status();
  return !info->holders.empty();
}

absl::StatusOr<Lease> SyncLock::Acquire(std::stop_token stop) {
  return AcquireFor(timeout(), std::move(stop));
}

absl::StatusOr<ScopedLease> SyncLock::AcquireScoped(std::stop_token stop) {
  absl::StatusOr<Lease> lease = Acquire(std::move(stop));
  if (!lease.ok()) return lease.status();
  return ScopedLease(core_, *std::move(lease), ScopedLease::AtEnd::kWait);
}

absl::Status SyncLock::Renew() {
  return core::Block<absl::Status>(core_->client(),
                                   [this](auto done) { core_->Renew(std::move(done)); });
}

absl::Status SyncLock::Release() {
  return core::Block<absl::Status>(core_->client(),
                                   [this](auto done) { core_->Release(std::move(done)); });
}

absl::StatusOr<Lease> SyncLock::Detach() {
  core::AcquireResult lease = core::Block<core::AcquireResult>(
      core_->client(), [this](auto done) { core_->Detach(std::move(done)); });
  if (!lease.ok()) return lease.status();
  return Lease(*std::move(lease));
}

std::optional<Lease> SyncLock::lease() const {
  std::shared_ptr<core::LeaseCore> lease = core_->lease();
  if (lease == nullptr) return std::nullopt;
  return Lease(std::move(lease));
}

void SyncLock::lock() {
  const absl::Status status = Acquire().status();
  core_->set_last_status(status);
  if (!status.ok()) {
    throw std::system_error(std::make_error_code(ToErrc(status)), status.ToString());
  }
}

bool SyncLock::try_lock() { return TryLockFor(Duration::zero()); }

void SyncLock::unlock() {
  core_->set_last_status(
      core::Part(core_->client(), [this](auto done) { core_->Release(std::move(done)); }));
}

absl::Status SyncLock::last_status() const { return core_->last_status(); }

absl::StatusOr<Lease> SyncLock::AcquireFor(Duration timeout, std::stop_token stop) {
  const std::shared_ptr<core::QueuedCallback> reporter = core_->NewReporter();
  core::AcquireResult result = core::Block<core::AcquireResult>(core_->client(), [&](auto done) {
    core_->Acquire({.timeout = timeout, .stop = {std::move(stop)}, .reporter = reporter},
                   std::move(done));
  });
  // on_queued may refer to what is gone when the caller goes on.
  if (reporter != nullptr) reporter->AwaitQuiet();
  if (!result.ok()) return result.status();
  return Lease(*std::move(result));
}

bool SyncLock::TryLockFor(Duration timeout) {
  const absl::Status status = AcquireFor(timeout, {}).status();
  core_->set_last_status(status);
  return status.ok();
}

}  // namespace holdfast
