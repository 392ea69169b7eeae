#include "clients/cpp/core/lock_core.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/errors.h"

namespace holdfast::core {
namespace {

std::shared_ptr<const AcquireSpec> MakeSpec(const ClientCore& client, std::string key,
                                            const LockOptions& options) {
  return std::make_shared<const AcquireSpec>(
      AcquireSpec{.key = std::move(key),
                  .expire = options.expire,
                  .tags = {options.tags.begin(), options.tags.end()},
                  .owner = options.owner.empty() ? client.owner() : options.owner,
                  .bound = options.bound,
                  .max_hold = options.max_hold,
                  .auto_renew = options.auto_renew,
                  .connect_timeout = client.connect_timeout()});
}

}  // namespace

LockCore::LockCore(std::shared_ptr<ClientCore> client, std::string key, LockOptions options)
    : client_(std::move(client)),
      options_(std::move(options)),
      spec_(MakeSpec(*client_, std::move(key), options_)) {}

std::shared_ptr<LeaseCore> LockCore::OwnLease(Holder holder) const {
  // Here and below: in a forked child the mutex may be held by a thread that is not there.
  if (!client_->InOwnProcess()) return nullptr;
  MutexLock lock(mutex_);
  for (const auto& [who, lease] : leases_) {
    if (who == holder) return lease;
  }
  return nullptr;
}

std::shared_ptr<LeaseCore> LockCore::lease(Holder holder) const {
  if (holder != kNobodyKnown) {
    if (std::shared_ptr<LeaseCore> own = OwnLease(holder); own != nullptr) return own;
  }
  if (!client_->InOwnProcess()) return nullptr;
  MutexLock lock(mutex_);
  return leases_.empty() ? nullptr : leases_.back().second;
}

absl::Status LockCore::last_status() const {
  if (!client_->InOwnProcess()) return client_->CheckUsable();
  MutexLock lock(mutex_);
  return last_status_;
}

void LockCore::set_last_status(absl::Status status) {
  if (!client_->InOwnProcess()) return;
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
  // Known once the acquire has begun, which is before anybody is told of it.
  const auto claim = std::make_shared<ClaimId>();
  LeaseDriver& leases = client_->leases();
  *claim = leases.Acquire(spec_, call.timeout, MakeEvents(call, claim, std::move(done)));
  Acquiring& acquiring = acquiring_[*claim];
  acquiring.holder = call.holder;
  acquiring.reporter = call.reporter;
  UpdateActive();
  for (const std::stop_token& token : call.stop) {
    if (!token.stop_possible()) continue;
    acquiring.on_stop.emplace_back(token, [client = client_, claim = *claim] {
      client->Run([client, claim] {
        client->leases().GiveUp(claim, absl::CancelledError("the acquire was cancelled"));
      });
    });
  }
}

LeaseDriver::AcquireEvents LockCore::MakeEvents(const AcquireCall& call,
                                                std::shared_ptr<const ClaimId> claim,
                                                absl::AnyInvocable<void(AcquireResult)> done) {
  LeaseDriver::AcquireEvents events;
  if (call.reporter != nullptr) {
    const auto tell = [client = client_, reporter = call.reporter](WaitNews news) {
      reporter->Update(std::move(news),
                       [&client](Task report) { client->RunUserCode(std::move(report)); });
    };
    // Without someone to tell, it must not take the place of other news.
    if (options_.on_queued) events.on_queued = tell;
    if (options_.on_unavailable) events.on_unavailable = tell;
  }
  events.done = [self = shared_from_this(), claim = std::move(claim),
                 done = std::move(done)](AcquireResult result) mutable {
    self->OnAcquired(*claim, result);
    done(std::move(result));
  };
  return events;
}

absl::Status LockCore::CheckAcquire(const AcquireCall& call) const {
  if (absl::Status status = client_->CheckUsable(); !status.ok()) return status;
  if (call.timeout < Duration::zero()) return absl::InvalidArgumentError("timeout is negative");
  if (options_.auto_renew && !options_.expire.has_value()) {
    return absl::InvalidArgumentError("auto_renew needs an expire");
  }
  if (options_.bound && (!options_.expire.has_value() || !client_->may_bind())) {
    return absl::InvalidArgumentError("bound needs an expire, and a session on a Unix socket");
  }
  for (const std::stop_token& token : call.stop) {
    if (token.stop_requested()) return absl::CancelledError("the acquire was cancelled");
  }
  return absl::OkStatus();
}

void LockCore::OnAcquired(ClaimId claim, const AcquireResult& result) {
  const auto acquiring = acquiring_.extract(claim);
  if (acquiring.mapped().reporter != nullptr) acquiring.mapped().reporter->End();
  if (result.ok()) Keep(claim, *result, acquiring.mapped().holder);
  UpdateActive();
}

void LockCore::Keep(ClaimId claim, std::shared_ptr<LeaseCore> lease, Holder holder) {
  const std::uint64_t token = lease->facts().fencing_token;
  auto place = held_.end();
  while (place != held_.begin() && std::prev(place)->lease->facts().fencing_token > token) {
    --place;
  }
  held_.insert(place, Held{.claim = claim, .lease = std::move(lease), .holder = holder});
  // A lock has one lease at a time: the earlier ones have ended, if we know of it or not.
  for (auto held = held_.begin(); std::next(held) != held_.end(); ++held) {
    const absl::Status lapsed = held->lease->status();
    client_->leases().Lose(
        held->claim,
        lapsed.ok() ? MakeError(absl::StatusCode::kFailedPrecondition, ErrorReason::kLeaseEnded,
                                "the lease has ended: the lock was granted again")
                    : lapsed);
  }
  OnHeldChanged();
}

void LockCore::Renew(absl::AnyInvocable<void(absl::Status)> done, Holder holder) {
  client_->Run([self = shared_from_this(), holder, done = std::move(done)]() mutable {
    if (self->held_.empty()) {
      done(self->NotHeld());
      return;
    }
    auto held = self->Own(holder);
    if (held == self->held_.end()) --held;
    self->client_->leases().Renew(held->claim, self->client_->call_timeout(), std::move(done));
  });
}

void LockCore::Release(absl::AnyInvocable<void(absl::Status)> done, Holder holder) {
  client_->Run([self = shared_from_this(), holder, done = std::move(done)]() mutable {
    if (self->held_.empty()) {
      done(self->NotHeld());
      return;
    }
    const bool own = self->Own(holder) != self->held_.end();
    const Held taken = self->TakeOwnOrOldest(holder);
    self->ReleaseTaken(taken, [in_doubt = own ? absl::OkStatus() : taken.in_doubt,
                               done = std::move(done)](absl::Status status) mutable {
      done(status.ok() ? std::move(in_doubt) : std::move(status));
    });
  });
}

void LockCore::ReleaseOnly(std::shared_ptr<LeaseCore> lease,
                           absl::AnyInvocable<void(absl::Status)> done) {
  client_->Run(
      [self = shared_from_this(), lease = std::move(lease), done = std::move(done)]() mutable {
        const auto held = std::find_if(self->held_.begin(), self->held_.end(),
                                       [&](const Held& h) { return h.lease == lease; });
        if (held == self->held_.end()) {
          done(self->NotHeld());
        } else {
          self->ReleaseTaken(self->Take(held), std::move(done));
        }
      });
}

void LockCore::Detach(absl::AnyInvocable<void(AcquireResult)> done, Holder holder) {
  client_->Run([self = shared_from_this(), holder, done = std::move(done)]() mutable {
    if (self->held_.empty()) {
      done(self->NotHeld());
      return;
    }
    const Held taken = self->TakeOwnOrOldest(holder);
    self->client_->leases().Detach(taken.claim);
    absl::Status status = taken.lease->status();
    if (status.ok()) {
      done(taken.lease);
    } else {
      done(std::move(status));
    }
  });
}

LockCore::HeldList::iterator LockCore::Own(Holder holder) {
  if (holder == kNobodyKnown) return held_.end();
  return std::find_if(held_.begin(), held_.end(),
                      [holder](const Held& held) { return held.holder == holder; });
}

LockCore::Held LockCore::TakeOwnOrOldest(Holder holder) {
  if (const auto own = Own(holder); own != held_.end()) return Take(own);
  Held oldest = Take(held_.begin());
  for (Held& held : held_) held.in_doubt = oldest.lease->status();
  return oldest;
}

LockCore::Held LockCore::Take(HeldList::iterator held) {
  Held taken = std::move(*held);
  held_.erase(held);
  OnHeldChanged();
  UpdateActive();
  return taken;
}

void LockCore::ReleaseTaken(const Held& taken, absl::AnyInvocable<void(absl::Status)> done) {
  client_->leases().Release(taken.claim, client_->call_timeout(), std::move(done));
}

void LockCore::OnHeldChanged() {
  MutexLock lock(mutex_);
  leases_.clear();
  for (const Held& held : held_) leases_.emplace_back(held.holder, held.lease);
}

void LockCore::UpdateActive() {
  if (acquiring_.empty() && held_.empty()) {
    client_->Deactivate(shared_from_this());
  } else {
    client_->Activate(shared_from_this());
  }
}

absl::Status LockCore::NotHeld() const {
  return absl::FailedPreconditionError("lock " + spec_->key + " is not held through this object");
}

void LockCore::Close(absl::AnyInvocable<void(absl::Status)> done) {
  client_->Run([self = shared_from_this(), done = std::move(done)]() mutable {
    self->CancelAcquires(absl::CancelledError("the lock object was destroyed"));
    // Those that are lost need nobody to wait for them.
    while (self->held_.size() > 1) {
      self->ReleaseTaken(self->Take(self->held_.begin()), nullptr);
    }
    if (self->held_.empty()) {
      done(absl::OkStatus());
    } else {
      self->ReleaseTaken(self->Take(self->held_.begin()), std::move(done));
    }
  });
}

void LockCore::OnClientClosing() {
  const absl::Status why = ClientDestroyed();
  CancelAcquires(why);
  for (const Held& held : held_) client_->leases().Lose(held.claim, why);
}

void LockCore::CancelAcquires(const absl::Status& why) {
  // Each forgets itself as it ends, at once or a little later.
  std::vector<ClaimId> claims;
  for (const auto& [claim, acquiring] : acquiring_) claims.push_back(claim);
  for (const ClaimId claim : claims) client_->leases().GiveUp(claim, why);
}

}  // namespace holdfast::core
