#include "holdfast/async_lock.h"

#include <utility>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/lock_core.h"

namespace holdfast {
namespace {

using core::AcquireResult;
using core::LockCore;

// A function to call in a task, which has `done` called where the user's code runs.
template <typename T>
auto HandOver(LockCore& lock, absl::AnyInvocable<void(T)> done) {
  return [client = lock.client().shared_from_this(), done = std::move(done)](T result) mutable {
    client->RunUserCode([done = std::move(done), result = std::move(result)]() mutable {
      done(std::move(result));
    });
  };
}

// Calls `start` with what takes the result, unless the client cannot be used: then
// `done` is called with that. In a forked child it is called at once, for there is no
// other thread.
template <typename T, typename Start>
void Begin(LockCore& lock, absl::AnyInvocable<void(T)> done, Start start) {
  core::ClientCore& client = lock.client();
  if (absl::Status status = client.CheckUsable(); !status.ok()) {
    if (client.InOwnProcess()) {
      HandOver<T>(lock, std::move(done))(std::move(status));
    } else {
      done(std::move(status));
    }
    return;
  }
  start(HandOver<T>(lock, std::move(done)));
}

void BeginAcquire(const std::shared_ptr<LockCore>& lock, core::StopTokens stop,
                  absl::AnyInvocable<void(AcquireResult)> done) {
  Begin<AcquireResult>(*lock, std::move(done), [&](auto take) {
    lock->Acquire({.timeout = lock->options().timeout,
                   .stop = std::move(stop),
                   .reporter = lock->NewReporter()},
                  std::move(take));
  });
}

auto GiveScoped(const std::shared_ptr<LockCore>& lock,
                absl::AnyInvocable<void(absl::StatusOr<ScopedLease>)> done) {
  return [lock, done = std::move(done)](AcquireResult result) mutable {
    if (result.ok()) {
      done(ScopedLease(lock, Lease(*std::move(result)), ScopedLease::AtEnd::kDoNotWait));
    } else {
      done(result.status());
    }
  };
}

void BeginLocked(LockCore& lock, absl::AnyInvocable<void(absl::StatusOr<bool>)> done) {
  Begin<absl::StatusOr<bool>>(lock, std::move(done), [&](auto take) {
    lock.client().Get(lock.key(),
                      [take = std::move(take)](const absl::StatusOr<LockInfo>& info) mutable {
                        if (info.ok()) {
                          take(!info->holders.empty());
                        } else {
                          take(info.status());
                        }
                      });
  });
}

}  // namespace

absl::StatusOr<Lease> AcquireAwaitable::await_resume() {
  absl::StatusOr<ScopedLease> lease = scoped_.await_resume();
  if (!lease.ok()) return lease.status();
  return (*std::move(lease)).Detach();
}

AsyncLock::AsyncLock(Client& client, std::string key, LockOptions options)
    : core_(std::make_shared<LockCore>(client.core_, std::move(key), std::move(options))) {}

AsyncLock::~AsyncLock() { Close(); }

AsyncLock& AsyncLock::operator=(AsyncLock&& other) noexcept {
  if (this == &other) return *this;
  Close();
  core_ = std::move(other.core_);
  return *this;
}

void AsyncLock::Close() noexcept {
  if (core_ != nullptr && core_->client().InOwnProcess()) core_->Close([](const absl::Status&) {});
}

const std::string& AsyncLock::key() const { return core_->key(); }
Duration AsyncLock::timeout() const { return core_->options().timeout; }
std::optional<Duration> AsyncLock::expire() const { return core_->options().expire; }
const Tags& AsyncLock::tags() const { return core_->options().tags; }

std::optional<Lease> AsyncLock::lease() const {
  std::shared_ptr<core::LeaseCore> lease = core_->lease();
  if (lease == nullptr) return std::nullopt;
  return Lease(std::move(lease));
}

absl::StatusOr<Lease> AsyncLock::Detach() {
  // It waits for tasks alone, which are short.
  AcquireResult lease =
      core_->client().Block<AcquireResult>([this](auto done) { core_->Detach(std::move(done)); });
  if (!lease.ok()) return lease.status();
  return Lease(*std::move(lease));
}

AcquireAwaitable AsyncLock::Acquire(std::stop_token stop) {
  return AcquireAwaitable(AcquireScoped(std::move(stop)));
}

Awaitable<absl::StatusOr<ScopedLease>> AsyncLock::AcquireScoped(std::stop_token stop) {
  using Result = absl::StatusOr<ScopedLease>;
  return Awaitable<Result>([core = core_, stop = std::move(stop)](
                               std::stop_token abandon, Awaitable<Result>::Done done) mutable {
    BeginAcquire(core, {std::move(stop), std::move(abandon)}, GiveScoped(core, std::move(done)));
  });
}

Awaitable<absl::Status> AsyncLock::Renew() {
  return Awaitable<absl::Status>([core = core_](const std::stop_token&, auto done) {
    Begin<absl::Status>(*core, std::move(done), [&](auto take) { core->Renew(std::move(take)); });
  });
}

Awaitable<absl::Status> AsyncLock::Release() {
  return Awaitable<absl::Status>([core = core_](const std::stop_token&, auto done) {
    Begin<absl::Status>(*core, std::move(done), [&](auto take) { core->Release(std::move(take)); });
  });
}

Awaitable<absl::Status> AsyncLock::Release(Lease lease) {
  return Awaitable<absl::Status>(
      [core = core_, lease = std::move(lease)](const std::stop_token&, auto done) {
        Begin<absl::Status>(*core, std::move(done),
                            [&](auto take) { core->ReleaseOnly(lease.core_, std::move(take)); });
      });
}

Awaitable<absl::StatusOr<bool>> AsyncLock::Locked() {
  return Awaitable<absl::StatusOr<bool>>(
      [core = core_](const std::stop_token&, auto done) { BeginLocked(*core, std::move(done)); });
}

void AsyncLock::AcquireThen(absl::AnyInvocable<void(absl::StatusOr<Lease>)> done,
                            std::stop_token stop) {
  BeginAcquire(core_, {std::move(stop)}, [done = std::move(done)](AcquireResult result) mutable {
    if (result.ok()) {
      done(Lease(*std::move(result)));
    } else {
      done(result.status());
    }
  });
}

void AsyncLock::AcquireScopedThen(absl::AnyInvocable<void(absl::StatusOr<ScopedLease>)> done,
                                  std::stop_token stop) {
  BeginAcquire(core_, {std::move(stop)}, GiveScoped(core_, std::move(done)));
}

void AsyncLock::RenewThen(absl::AnyInvocable<void(absl::Status)> done) {
  Begin<absl::Status>(*core_, std::move(done), [&](auto take) { core_->Renew(std::move(take)); });
}

void AsyncLock::ReleaseThen(absl::AnyInvocable<void(absl::Status)> done) {
  Begin<absl::Status>(*core_, std::move(done), [&](auto take) { core_->Release(std::move(take)); });
}

void AsyncLock::ReleaseThen(const Lease& lease, absl::AnyInvocable<void(absl::Status)> done) {
  Begin<absl::Status>(*core_, std::move(done),
                      [&](auto take) { core_->ReleaseOnly(lease.core_, std::move(take)); });
}

void AsyncLock::LockedThen(absl::AnyInvocable<void(absl::StatusOr<bool>)> done) {
  BeginLocked(*core_, std::move(done));
}

}  // namespace holdfast
