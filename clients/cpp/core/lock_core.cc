#include "clients/cpp/core/lock_core.h"

#include <string>
#include <utility>
#include <variant>

#include "clients/cpp/core/client_core.h"

namespace holdfast::core {
namespace {

AcquireSpec MakeSpec(const ClientCore& client, std::string key, const LockOptions& options) {
  return {.key = std::move(key),
          .expire = options.expire,
          .tags = {options.tags.begin(), options.tags.end()},
          .owner = options.owner.empty() ? client.owner() : options.owner,
          .connect_timeout = client.connect_timeout()};
}

}  // namespace

LockCore::LockCore(std::shared_ptr<ClientCore> client, std::string key, LockOptions options)
    : client_(std::move(client)),
      options_(std::move(options)),
      spec_(MakeSpec(*client_, std::move(key), options_)) {}

std::shared_ptr<LeaseCore> LockCore::lease() const {
  MutexLock lock(mutex_);
  return lease_;
}

absl::Status LockCore::last_status() const {
  MutexLock lock(mutex_);
  return last_status_;
}

void LockCore::set_last_status(absl::Status status) {
  MutexLock lock(mutex_);
  last_status_ = std::move(status);
}

std::shared_ptr<QueuedCallback> LockCore::NewReporter() const {
  if (!options_.on_queued && !options_.on_unavailable) return nullptr;
  return std::make_shared<QueuedCallback>(
      [on_queued = options_.on_queued,
       on_unavailable = options_.on_unavailable](const WaitNews& news) {
        if (const auto* info = std::get_if<QueueInfo>(&news)) {
          on_queued(*info);
        } else {
          on_unavailable(std::get<Outage>(news));
        }
      });
}

void LockCore::Acquire(AcquireCall call, absl::AnyInvocable<void(AcquireResult)> done) {
  client_->Run([self = shared_from_this(), call = std::move(call),
                done = std::move(done)]() mutable { self->BeginAcquire(call, std::move(done)); });
}

void LockCore::BeginAcquire(const AcquireCall& call, absl::AnyInvocable<void(AcquireResult)> done) {
  if (absl::Status status = CheckAcquire(call); !status.ok()) {
    done(std::move(status));
    return;
  }
  client_->Activate(shared_from_this());
  acquiring_ = std::make_unique<Acquiring>();
  acquiring_->reporter = call.reporter;
  acquiring_->op = std::make_shared<AcquireOp>(client_->env(), client_->releaser(), spec_,
                                               call.timeout, MakeHooks(std::move(done)));
  const std::shared_ptr<AcquireOp> op = acquiring_->op;
  for (const std::stop_token& token : call.stop) {
    if (!token.stop_possible()) continue;
    acquiring_->on_stop.emplace_back(token, [client = client_, op] {
      client->Run([op] { op->Cancel(absl::CancelledError("the acquire was cancelled")); });
    });
  }
  op->Start();
}

AcquireOp::Hooks LockCore::MakeHooks(absl::AnyInvocable<void(AcquireResult)> done) {
  AcquireOp::Hooks hooks;
  if (acquiring_->reporter != nullptr) {
    const auto tell = [client = client_, reporter = acquiring_->reporter](WaitNews news) {
      reporter->Update(std::move(news),
                       [&client](Task report) { client->RunUserCode(std::move(report)); });
    };
    // Without someone to tell, it must not take the place of other news.
    if (options_.on_queued) hooks.on_queued = tell;
    if (options_.on_unavailable) hooks.on_unavailable = tell;
  }
  hooks.done = [self = shared_from_this(), done = std::move(done)](AcquireResult result) mutable {
    self->OnAcquired(result);
    done(std::move(result));
  };
  return hooks;
}

absl::Status LockCore::CheckAcquire(const AcquireCall& call) const {
  if (absl::Status status = client_->CheckUsable(); !status.ok()) return status;
  if (acquiring_ != nullptr) {
    return absl::FailedPreconditionError("lock " + spec_.key +
                                         " is being acquired through this object already");
  }
  if (keeper_ != nullptr) {
    return absl::FailedPreconditionError("lock " + spec_.key +
                                         " is held through this object already; release it first");
  }
  if (call.timeout < Duration::zero()) return absl::InvalidArgumentError("timeout is negative");
  if (options_.auto_renew && !options_.expire.has_value()) {
    return absl::InvalidArgumentError("auto_renew needs an expire");
  }
  for (const std::stop_token& token : call.stop) {
    if (token.stop_requested()) return absl::CancelledError("the acquire was cancelled");
  }
  return absl::OkStatus();
}

void LockCore::OnAcquired(const AcquireResult& result) {
  if (acquiring_->reporter != nullptr) acquiring_->reporter->End();
  acquiring_ = nullptr;
  if (!result.ok()) {
    client_->Deactivate(shared_from_this());
    return;
  }
  {
    MutexLock lock(mutex_);
    lease_ = *result;
  }
  keeper_ = std::make_shared<LeaseKeeper>(client_->env(), *result, options_.auto_renew,
                                          [client = client_](std::shared_ptr<LeaseCore> lease) {
                                            client->SignalLost(std::move(lease));
                                          });
  keeper_->Start();
}

void LockCore::Renew(absl::AnyInvocable<void(absl::Status)> done) {
  client_->Run([self = shared_from_this(), done = std::move(done)]() mutable {
    if (self->keeper_ == nullptr) {
      done(self->NotHeld());
      return;
    }
    self->keeper_->Renew(self->client_->call_timeout(), std::move(done));
  });
}

void LockCore::Release(absl::AnyInvocable<void(absl::Status)> done) {
  client_->Run([self = shared_from_this(), done = std::move(done)]() mutable {
    self->BeginRelease(std::move(done));
  });
}

void LockCore::ReleaseOnly(std::shared_ptr<LeaseCore> lease,
                           absl::AnyInvocable<void(absl::Status)> done) {
  client_->Run(
      [self = shared_from_this(), lease = std::move(lease), done = std::move(done)]() mutable {
        if (self->keeper_ == nullptr || self->keeper_->lease() != lease) {
          done(absl::OkStatus());
        } else {
          self->BeginRelease(std::move(done));
        }
      });
}

void LockCore::BeginRelease(absl::AnyInvocable<void(absl::Status)> done) {
  if (keeper_ == nullptr) {
    done(NotHeld());
    return;
  }
  const std::shared_ptr<LeaseCore> lease = ForgetLease();
  lease->MarkReleased();
  client_->releaser().Release(spec_.key, lease->facts().lease_id, spec_.expire,
                              client_->call_timeout(), std::move(done));
}

void LockCore::Detach(absl::AnyInvocable<void(AcquireResult)> done) {
  client_->Run([self = shared_from_this(), done = std::move(done)]() mutable {
    if (self->keeper_ == nullptr) {
      done(self->NotHeld());
      return;
    }
    std::shared_ptr<LeaseCore> lease = self->ForgetLease();
    absl::Status status = lease->status();
    if (status.ok()) {
      done(std::move(lease));
    } else {
      done(std::move(status));
    }
  });
}

std::shared_ptr<LeaseCore> LockCore::ForgetLease() {
  {
    MutexLock lock(mutex_);
    lease_ = nullptr;
  }
  const std::shared_ptr<LeaseKeeper> keeper = std::exchange(keeper_, nullptr);
  keeper->Stop();
  client_->Deactivate(shared_from_this());
  return keeper->lease();
}

absl::Status LockCore::NotHeld() const {
  return absl::FailedPreconditionError("lock " + spec_.key + " is not held through this object");
}

void LockCore::Close(absl::AnyInvocable<void(absl::Status)> done) {
  client_->Run([self = shared_from_this(), done = std::move(done)]() mutable {
    self->CancelAcquire(absl::CancelledError("the lock object was destroyed"));
    if (self->keeper_ != nullptr) {
      self->BeginRelease(std::move(done));
    } else {
      done(absl::OkStatus());
    }
  });
}

void LockCore::OnClientClosing() {
  const absl::Status why = absl::CancelledError("the client was destroyed");
  CancelAcquire(why);
  if (keeper_ != nullptr) keeper_->Lose(why);
}

void LockCore::CancelAcquire(const absl::Status& why) {
  if (acquiring_ == nullptr) return;
  // It forgets itself in here as it ends.
  const std::shared_ptr<AcquireOp> op = acquiring_->op;
  op->Cancel(why);
}

}  // namespace holdfast::core
