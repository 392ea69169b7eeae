#include "clients/cpp/fake/fake_lock_table.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "clients/cpp/core/errors.h"
#include "clients/cpp/fake/fake_limits.h"

namespace holdfast::fake {
namespace {

using absl::StatusCode;
using core::MakeError;

absl::Status NoSuchLease() {
  return MakeError(StatusCode::kNotFound, ErrorReason::kLeaseNotFound, "no such lease");
}

absl::Status Mismatch(const std::string& field) {
  return MakeError(StatusCode::kInvalidArgument, ErrorReason::kLeaseMismatch,
                   "this lease_id is in use with another " + field, {{"field", field}});
}

}  // namespace

void FakeLockTable::Run(Answers answers) {
  for (core::Task& answer : answers) std::move(answer)();
}

absl::Status FakeLockTable::Refusal(absl::Status of_fields) const {
  if (reachable_) return of_fields;
  return absl::UnavailableError("the fake server is not reachable");
}

void FakeLockTable::SetReachable(bool reachable) {
  Answers answers;
  {
    MutexLock lock(mutex_);
    reachable_ = reachable;
    if (reachable) {
      for (auto& [client, session] : sessions_) {
        for (const std::string& lease_id : std::exchange(session.untold, {})) {
          TellEnded(session, lease_id, answers);
        }
      }
    }
  }
  Run(std::move(answers));
  if (!reachable) CloseAll(nullptr, absl::UnavailableError("the fake server is not reachable"));
}

// --- Sessions -----------------------------------------------------------------------------

void FakeLockTable::OpenSession(const void* client, Transport::LeaseEndedListener on_lease_ended) {
  MutexLock lock(mutex_);
  sessions_[client].on_lease_ended =
      std::make_shared<Transport::LeaseEndedListener>(std::move(on_lease_ended));
}

void FakeLockTable::EndSession(const void* client) {
  Answers answers;
  {
    MutexLock guard(mutex_);
    if (sessions_.erase(client) == 0) return;
    std::vector<std::string> bound;
    for (auto& [key, lock] : locks_) {
      if (!lock.lease.has_value() || lock.lease->session != client) continue;
      lock.lease->session = nullptr;
      if (lock.lease->request.bound) bound.push_back(key);
    }
    for (const std::string& key : bound) {
      End(key, Cause::kReleased, LockEvent::Kind::kReleased, answers);
    }
  }
  Run(std::move(answers));
}

absl::StatusOr<std::uint64_t> FakeLockTable::RenewAll(const void* client) {
  MutexLock guard(mutex_);
  if (absl::Status refusal = Refusal(absl::OkStatus()); !refusal.ok()) return refusal;
  std::uint64_t renewed = 0;
  for (auto& [key, lock] : locks_) {
    if (!lock.lease.has_value() || lock.lease->session != client) continue;
    SetLapse(*lock.lease);
    ++renewed;
  }
  return renewed;
}

void FakeLockTable::Detach(const std::string& lease_id) {
  MutexLock guard(mutex_);
  for (auto& [key, lock] : locks_) {
    if (lock.lease.has_value() && lock.lease->request.lease_id == lease_id) {
      lock.lease->session = nullptr;
    }
  }
}

// That a lease has ended otherwise than by its holder.
void FakeLockTable::TellSession(const Lease& lease, Answers& answers) {
  const auto session = sessions_.find(lease.session);
  if (session == sessions_.end()) return;
  if (reachable_) {
    TellEnded(session->second, lease.request.lease_id, answers);
  } else {
    session->second.untold.push_back(lease.request.lease_id);
  }
}

void FakeLockTable::TellEnded(const Session& session, const std::string& lease_id,
                              Answers& answers) const {
  answers.push_back([listener = session.on_lease_ended, lease_id, why = EndedError(lease_id)] {
    (*listener)(lease_id, why);
  });
}

// --- Waiting and being granted ------------------------------------------------------------

FakeLockTable::CallId FakeLockTable::Wait(const void* client, const core::WaitRequest& request,
                                          Transport::WaitEvents events) {
  Answers answers;
  CallId id = 0;
  {
    MutexLock lock(mutex_);
    auto call = std::make_shared<Call>(Call{
        .id = ++last_call_, .client = client, .received = time_.Now(), .wait = std::move(events)});
    id = call->id;
    calls_.emplace(id, call);
    Receive(request, call, answers);
  }
  Run(std::move(answers));
  return id;
}

void FakeLockTable::Receive(const core::WaitRequest& request, const std::shared_ptr<Call>& call,
                            Answers& answers) {
  const auto refuse = [&](absl::Status why) REQUIRES(mutex_) {
    calls_.erase(call->id);
    answers.push_back([call, why = std::move(why)] { call->wait.on_end(why); });
  };
  if (absl::Status refusal = Refusal(Check(request)); !refusal.ok()) {
    return refuse(std::move(refusal));
  }
  if (const auto ended = ended_.find(request.lease_id); ended != ended_.end()) {
    return refuse(IdEnded(ended->second));
  }
  const std::string* const in_use = KeyOf(request.lease_id);
  if (in_use != nullptr && *in_use != request.key) return refuse(Mismatch("key"));
  Lock& wanted = locks_[request.key];
  if (wanted.lease.has_value() && wanted.lease->request.lease_id == request.lease_id) {
    TellGrant(*wanted.lease, call, answers);
    return;
  }
  auto place = std::find_if(wanted.queue.begin(), wanted.queue.end(), [&](const Waiter& waiter) {
    return waiter.request.lease_id == request.lease_id;
  });
  const bool tries_once = request.timeout == Duration::zero();
  if (tries_once && (wanted.lease.has_value() || place != wanted.queue.end())) {
    return refuse(HeldError(wanted, StatusCode::kAborted, ErrorReason::kLockHeld));
  }
  if (place == wanted.queue.end()) {
    wanted.queue.push_back({.request = request, .sequence = ++last_place_});
    place = std::prev(wanted.queue.end());
  }
  place->call = call;
  time_.Remove(place->timeout);
  if (request.timeout.has_value()) {
    place->timeout =
        time_.Add(this, core::After(time_.Now(), *request.timeout),
                  [this, key = request.key, id = request.lease_id] { OnTimeout(key, id); });
  }
  if (wanted.lease.has_value()) {
    TellQueue(wanted, answers);
  } else {
    GrantNext(request.key, answers);
  }
}

void FakeLockTable::GrantNext(const std::string& key, Answers& answers) {
  Lock& lock = locks_[key];
  const auto next = std::find_if(lock.queue.begin(), lock.queue.end(),
                                 [](const Waiter& waiter) { return waiter.call != nullptr; });
  if (lock.lease.has_value() || next == lock.queue.end()) {
    if (!lock.lease.has_value() && lock.queue.empty()) locks_.erase(key);
    return;
  }
  Waiter waiter = std::move(*next);
  lock.queue.erase(next);
  time_.Remove(waiter.timeout);
  lock.lease =
      Lease{.request = std::move(waiter.request),
            .token = ++last_token_,
            .granted = time_.Now(),
            .session = sessions_.contains(waiter.call->client) ? waiter.call->client : nullptr};
  SetLapse(*lock.lease);
  TellGrant(*lock.lease, waiter.call, answers);
  TellWatches(LockEvent::Kind::kGranted, *lock.lease, answers);
  TellQueue(lock, answers);
}

void FakeLockTable::TellGrant(const Lease& lease, const std::shared_ptr<Call>& call,
                              Answers& answers) {
  calls_.erase(call->id);
  answers.push_back([call, grant = GrantOf(lease, call->received)] { call->wait.on_end(grant); });
}

void FakeLockTable::TellQueue(const Lock& lock, Answers& answers) const {
  std::uint32_t position = 0;
  for (const Waiter& waiter : lock.queue) {
    ++position;
    if (waiter.call == nullptr) continue;
    QueueInfo info{.position = position, .queue_sequence = waiter.sequence, .holders = {}};
    if (lock.lease.has_value()) info.holders.push_back(HolderOf(*lock.lease));
    answers.push_back([call = waiter.call, info] { call->wait.on_queued(info); });
  }
}

void FakeLockTable::OnTimeout(const std::string& key, const std::string& lease_id) {
  Answers answers;
  {
    MutexLock guard(mutex_);
    const auto lock = locks_.find(key);
    if (lock == locks_.end()) return;
    auto& queue = lock->second.queue;
    const auto waiter = std::find_if(queue.begin(), queue.end(), [&](const Waiter& w) {
      return w.request.lease_id == lease_id;
    });
    if (waiter == queue.end()) return;
    ended_.emplace(lease_id, Cause::kTimedOut);
    if (const auto call = waiter->call; call != nullptr) {
      calls_.erase(call->id);
      answers.push_back(
          [call, why = HeldError(lock->second, StatusCode::kDeadlineExceeded,
                                 ErrorReason::kWaitTimeout)] { call->wait.on_end(why); });
    }
    queue.erase(waiter);
    TellQueue(lock->second, answers);
    GrantNext(key, answers);
  }
  Run(std::move(answers));
}

// --- Leases -------------------------------------------------------------------------------

void FakeLockTable::SetLapse(Lease& lease) {
  time_.Remove(lease.lapse);
  const std::optional<Duration>& expire = lease.request.expire;
  const std::optional<Duration>& max_hold = lease.request.max_hold;
  if (!expire.has_value() && !max_hold.has_value()) return;
  lease.lapses = std::min(core::After(time_.Now(), expire.value_or(kForever)),
                          core::After(lease.granted, max_hold.value_or(kForever)));
  lease.lapse =
      time_.Add(this, *lease.lapses,
                [this, key = lease.request.key, token = lease.token] { OnLapse(key, token); });
}

void FakeLockTable::OnLapse(const std::string& key, std::uint64_t token) {
  Answers answers;
  {
    MutexLock lock(mutex_);
    const auto found = locks_.find(key);
    if (found == locks_.end() || !found->second.lease.has_value() ||
        found->second.lease->token != token) {
      return;
    }
    End(key, Cause::kExpired, LockEvent::Kind::kExpired, answers);
  }
  Run(std::move(answers));
}

void FakeLockTable::End(const std::string& key, Cause cause, LockEvent::Kind event,
                        Answers& answers) {
  Lock& lock = locks_[key];
  time_.Remove(lock.lease->lapse);
  ended_.emplace(lock.lease->request.lease_id, cause);
  TellWatches(event, *lock.lease, answers);
  if (cause != Cause::kReleased) TellSession(*lock.lease, answers);
  lock.lease.reset();
  GrantNext(key, answers);
}

absl::StatusOr<core::Grant> FakeLockTable::Renew(const std::string& key,
                                                 const std::string& lease_id) {
  MutexLock lock(mutex_);
  if (absl::Status refusal = Refusal(CheckIds(key, lease_id)); !refusal.ok()) return refusal;
  if (absl::Status ended = EndedError(lease_id); !ended.ok()) return ended;
  const std::string* const in_use = KeyOf(lease_id);
  if (in_use == nullptr) return NoSuchLease();
  if (*in_use != key) return Mismatch("key");
  std::optional<Lease>& lease = locks_[key].lease;
  if (!lease.has_value() || lease->request.lease_id != lease_id) {
    return MakeError(StatusCode::kFailedPrecondition, ErrorReason::kLeaseWaiting,
                     "this lease_id is still waiting");
  }
  SetLapse(*lease);
  return GrantOf(*lease, time_.Now());
}

absl::Status FakeLockTable::Release(const std::string& key, const std::string& lease_id) {
  Answers answers;
  {
    MutexLock guard(mutex_);
    if (absl::Status refusal = Refusal(CheckIds(key, lease_id)); !refusal.ok()) return refusal;
    if (const auto ended = ended_.find(lease_id); ended != ended_.end()) {
      const absl::Status error = EndedError(lease_id);
      return ReasonOf(error) == ErrorReason::kLeaseEnded ? absl::OkStatus() : error;
    }
    const std::string* const in_use = KeyOf(lease_id);
    if (in_use == nullptr) {
      // The acquire that this cleans up after may still be on its way.
      ended_.emplace(lease_id, Cause::kReleased);
      return NoSuchLease();
    }
    if (*in_use != key) return Mismatch("key");
    Lock& lock = locks_[key];
    if (lock.lease.has_value() && lock.lease->request.lease_id == lease_id) {
      End(key, Cause::kReleased, LockEvent::Kind::kReleased, answers);
    } else {
      ended_.emplace(lease_id, Cause::kReleased);
      std::erase_if(lock.queue, [&](const Waiter& waiter) {
        if (waiter.request.lease_id != lease_id) return false;
        time_.Remove(waiter.timeout);
        return true;
      });
      TellQueue(lock, answers);
      GrantNext(key, answers);
    }
  }
  Run(std::move(answers));
  return absl::OkStatus();
}

const std::string* FakeLockTable::KeyOf(const std::string& lease_id) const {
  for (const auto& [key, lock] : locks_) {
    if (lock.lease.has_value() && lock.lease->request.lease_id == lease_id) return &key;
    for (const Waiter& waiter : lock.queue) {
      if (waiter.request.lease_id == lease_id) return &key;
    }
  }
  return nullptr;
}

absl::Status FakeLockTable::IdEnded(Cause cause) {
  std::string ended_by = "released";
  if (cause == Cause::kExpired) ended_by = "expired";
  if (cause == Cause::kForced) ended_by = "forced";
  if (cause == Cause::kTimedOut) ended_by = "timed_out";
  return MakeError(StatusCode::kFailedPrecondition, ErrorReason::kLeaseEnded,
                   "this lease_id has ended", {{"ended_by", ended_by}});
}

absl::Status FakeLockTable::EndedError(const std::string& lease_id) const {
  const auto ended = ended_.find(lease_id);
  if (ended == ended_.end()) return absl::OkStatus();
  switch (ended->second) {
    case Cause::kExpired:
      return MakeError(StatusCode::kFailedPrecondition, ErrorReason::kLeaseExpired,
                       "the lease has lapsed");
    case Cause::kForced:
      return MakeError(StatusCode::kFailedPrecondition, ErrorReason::kLeaseForced,
                       "the lease was ended by force");
    case Cause::kReleased:
    case Cause::kTimedOut:
      break;
  }
  return IdEnded(ended->second);
}

core::Grant FakeLockTable::GrantOf(const Lease& lease, MonotonicTime received) const {
  core::Grant grant{.fencing_token = lease.token, .elapsed = time_.Now() - received};
  if (lease.lapses.has_value()) grant.remaining = *lease.lapses - time_.Now();
  return grant;
}

// --- Refusals and the ends of calls -------------------------------------------------------

absl::Status FakeLockTable::HeldError(const Lock& lock, StatusCode code, ErrorReason reason) const {
  std::map<std::string, std::string> metadata = {
      {"queue_length", std::to_string(lock.queue.size())}};
  if (lock.lease.has_value()) {
    metadata["owner"] = lock.lease->request.owner;
    metadata["principal"] = "anonymous";  // It has no connections, and so knows nobody.
    metadata["fencing_token"] = std::to_string(lock.lease->token);
    // Its clock on the wall shows 1970.
    metadata["held_since"] = absl::FormatTime(
        absl::RFC3339_full,
        absl::UnixEpoch() + absl::FromChrono(lock.lease->granted.time_since_epoch()),
        absl::UTCTimeZone());
    if (lock.lease->lapses.has_value()) {
      const auto rest =
          std::chrono::duration_cast<std::chrono::milliseconds>(*lock.lease->lapses - time_.Now());
      metadata["remaining_ms"] = std::to_string(rest.count());
    }
  }
  return MakeError(
      code, reason,
      code == StatusCode::kAborted ? "the lock is held" : "timed out waiting for the lock",
      metadata);
}

void FakeLockTable::Close(CallId call) {
  MutexLock guard(mutex_);
  calls_.erase(call);
  for (auto& [key, lock] : locks_) {
    for (Waiter& waiter : lock.queue) {
      if (waiter.call != nullptr && waiter.call->id == call) waiter.call = nullptr;
    }
  }
}

void FakeLockTable::CloseAll(const void* client, const absl::Status& why) {
  std::vector<std::shared_ptr<Call>> closed;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, call] : calls_) {
      if (client == nullptr || call->client == client) closed.push_back(call);
    }
  }
  for (const std::shared_ptr<Call>& call : closed) {
    Close(call->id);
    if (call->wait.on_end != nullptr) {
      call->wait.on_end(why);
    } else {
      call->watch.on_end(why);
    }
  }
}

}  // namespace holdfast::fake
