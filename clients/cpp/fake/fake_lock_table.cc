#include "clients/cpp/fake/fake_lock_table.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "clients/cpp/core/errors.h"

namespace holdfast::fake {
namespace {

using absl::StatusCode;
using core::MakeError;

void Run(std::vector<core::Task> answers) {
  for (core::Task& answer : answers) std::move(answer)();
}

}  // namespace

absl::Status FakeLockTable::CheckReachable() const {
  if (reachable_) return absl::OkStatus();
  return absl::UnavailableError("the fake server is not reachable");
}

void FakeLockTable::SetReachable(bool reachable) {
  {
    MutexLock lock(mutex_);
    reachable_ = reachable;
  }
  if (!reachable) CloseAll(nullptr, absl::UnavailableError("the fake server is not reachable"));
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
  const auto refuse = [&](absl::Status why) {
    calls_.erase(call->id);
    answers.push_back([call, why = std::move(why)] { call->wait.on_end(why); });
  };
  if (absl::Status away = CheckReachable(); !away.ok()) return refuse(std::move(away));
  if (absl::Status ended = EndedError(request.lease_id); !ended.ok()) {
    return refuse(MakeError(StatusCode::kFailedPrecondition, ErrorReason::kLeaseEnded,
                            "this lease_id has ended"));
  }
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
      Lease{.request = std::move(waiter.request), .token = ++last_token_, .granted = time_.Now()};
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
    ended_.emplace(lease_id, Cause::kReleased);
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
  if (!lease.request.expire.has_value()) return;
  lease.lapses = core::After(time_.Now(), *lease.request.expire);
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
  lock.lease.reset();
  GrantNext(key, answers);
}

absl::StatusOr<core::Grant> FakeLockTable::Renew(const std::string& key,
                                                 const std::string& lease_id) {
  MutexLock lock(mutex_);
  if (absl::Status away = CheckReachable(); !away.ok()) return away;
  if (absl::Status ended = EndedError(lease_id); !ended.ok()) return ended;
  const auto found = locks_.find(key);
  if (found == locks_.end() || !found->second.lease.has_value() ||
      found->second.lease->request.lease_id != lease_id) {
    return MakeError(StatusCode::kNotFound, ErrorReason::kLeaseNotFound, "no such lease");
  }
  SetLapse(*found->second.lease);
  return GrantOf(*found->second.lease, time_.Now());
}

absl::Status FakeLockTable::Release(const std::string& key, const std::string& lease_id) {
  Answers answers;
  absl::Status result;
  {
    MutexLock lock(mutex_);
    if (absl::Status away = CheckReachable(); !away.ok()) return away;
    if (const auto ended = ended_.find(lease_id); ended != ended_.end()) {
      return ended->second == Cause::kReleased ? absl::OkStatus() : EndedError(lease_id);
    }
    const auto found = locks_.find(key);
    if (found != locks_.end() && found->second.lease.has_value() &&
        found->second.lease->request.lease_id == lease_id) {
      End(key, Cause::kReleased, LockEvent::Kind::kReleased, answers);
    } else {
      ended_.emplace(lease_id, Cause::kReleased);
      result = MakeError(StatusCode::kNotFound, ErrorReason::kLeaseNotFound, "no such lease");
      if (found != locks_.end()) {
        const std::size_t left = std::erase_if(found->second.queue, [&](const Waiter& waiter) {
          if (waiter.request.lease_id != lease_id) return false;
          time_.Remove(waiter.timeout);
          return true;
        });
        if (left > 0) result = absl::OkStatus();
        TellQueue(found->second, answers);
        GrantNext(key, answers);
      }
    }
  }
  Run(std::move(answers));
  return result;
}

// --- Looking, and looking after -----------------------------------------------------------

absl::StatusOr<LockInfo> FakeLockTable::Get(const std::string& key) {
  MutexLock lock(mutex_);
  if (absl::Status away = CheckReachable(); !away.ok()) return away;
  const auto found = locks_.find(key);
  return found == locks_.end() ? LockInfo{.key = key} : InfoOf(key, found->second);
}

absl::StatusOr<LockPage> FakeLockTable::List(const Transport::ListRequest& request) {
  MutexLock lock(mutex_);
  if (absl::Status away = CheckReachable(); !away.ok()) return away;
  const std::size_t most = request.page_size == 0 ? 100 : request.page_size;
  LockPage page;
  // The token is the last key of the page before.
  for (auto next = locks_.upper_bound(request.page_token); next != locks_.end(); ++next) {
    if (!Matches(request.filter, next->first, next->second)) continue;
    if (page.locks.size() == most) {
      page.next_page_token = page.locks.back().key;
      break;
    }
    page.locks.push_back(InfoOf(next->first, next->second));
  }
  return page;
}

absl::StatusOr<HolderInfo> FakeLockTable::ForceRelease(const std::string& key,
                                                       std::uint64_t fencing_token) {
  Answers answers;
  HolderInfo former;
  {
    MutexLock lock(mutex_);
    if (absl::Status away = CheckReachable(); !away.ok()) return away;
    const auto found = locks_.find(key);
    if (found == locks_.end() || !found->second.lease.has_value() ||
        (fencing_token != 0 && found->second.lease->token != fencing_token)) {
      return MakeError(StatusCode::kNotFound, ErrorReason::kLockNotHeld, "no such lease");
    }
    former = HolderOf(*found->second.lease);
    End(key, Cause::kForced, LockEvent::Kind::kForced, answers);
  }
  Run(std::move(answers));
  return former;
}

absl::StatusOr<core::LockTransport::ReleaseByTagPage> FakeLockTable::ReleaseByTag(
    const Transport::ReleaseByTagRequest& request) {
  Answers answers;
  Transport::ReleaseByTagPage page;
  {
    MutexLock lock(mutex_);
    if (absl::Status away = CheckReachable(); !away.ok()) return away;
    const std::uint64_t asked = request.options.max_fencing_token;
    page.released.max_fencing_token = asked == 0 ? last_token_ : asked;
    std::vector<std::string> keys;
    for (const auto& [key, held] : locks_) {
      if (!held.lease.has_value() || held.lease->token > page.released.max_fencing_token ||
          !Matches({.tags = request.tags}, key, held)) {
        continue;
      }
      page.released.locks.push_back(InfoOf(key, held));
      keys.push_back(key);
    }
    if (!request.options.dry_run) {
      for (const std::string& key : keys) {
        End(key, Cause::kForced, LockEvent::Kind::kForced, answers);
      }
    }
  }
  Run(std::move(answers));
  return page;
}

FakeLockTable::CallId FakeLockTable::Watch(const void* client, const LockFilter& filter,
                                           Transport::WatchEvents events) {
  Answers answers;
  CallId id = 0;
  {
    MutexLock lock(mutex_);
    auto call = std::make_shared<Call>(
        Call{.id = ++last_call_, .client = client, .watch = std::move(events), .filter = filter});
    id = call->id;
    if (absl::Status away = CheckReachable(); !away.ok()) {
      answers.push_back([call, away] { call->watch.on_end(away); });
    } else {
      calls_.emplace(id, call);
      std::vector<LockEvent> snapshot;
      for (const auto& [key, held] : locks_) {
        if (held.lease.has_value() && Matches(filter, key, held)) {
          snapshot.push_back(EventOf(LockEvent::Kind::kHeld, *held.lease));
        }
      }
      snapshot.push_back({.kind = LockEvent::Kind::kSnapshotEnd, .sequence = last_event_});
      answers.push_back([call, snapshot] { call->watch.on_events(snapshot); });
    }
  }
  Run(std::move(answers));
  return id;
}

void FakeLockTable::TellWatches(LockEvent::Kind kind, const Lease& lease, Answers& answers) {
  ++last_event_;
  for (const auto& [id, call] : calls_) {
    if (call->watch.on_events == nullptr ||
        !Matches(call->filter, lease.request.key, locks_[lease.request.key])) {
      continue;
    }
    answers.push_back([call, event = EventOf(kind, lease)] { call->watch.on_events({event}); });
  }
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

// --- What is shown ------------------------------------------------------------------------

core::Grant FakeLockTable::GrantOf(const Lease& lease, MonotonicTime received) const {
  core::Grant grant{.fencing_token = lease.token, .elapsed = time_.Now() - received};
  if (lease.lapses.has_value()) grant.remaining = *lease.lapses - time_.Now();
  return grant;
}

HolderInfo FakeLockTable::HolderOf(const Lease& lease) const {
  HolderInfo info{.owner = lease.request.owner,
                  .fencing_token = lease.token,
                  .tags = Tags(lease.request.tags),
                  .expire = lease.request.expire,
                  .held_for = time_.Now() - lease.granted};
  if (lease.lapses.has_value()) info.remaining = *lease.lapses - time_.Now();
  return info;
}

LockInfo FakeLockTable::InfoOf(const std::string& key, const Lock& lock) const {
  LockInfo info{.key = key};
  if (lock.lease.has_value()) info.holders.push_back(HolderOf(*lock.lease));
  info.queue_length = static_cast<std::uint32_t>(lock.queue.size());
  return info;
}

LockEvent FakeLockTable::EventOf(LockEvent::Kind kind, const Lease& lease) const {
  return {.kind = kind,
          .sequence = last_event_,
          .key = lease.request.key,
          .tags = Tags(lease.request.tags),
          .owner = lease.request.owner,
          .fencing_token = lease.token,
          .expire = lease.request.expire};
}

bool FakeLockTable::Matches(const LockFilter& filter, const std::string& key,
                            const Lock& lock) const {
  if (!key.starts_with(filter.key_prefix)) return false;
  if (filter.tags.empty()) return true;
  if (!lock.lease.has_value()) return false;
  const Tags carried(lock.lease->request.tags);
  return std::all_of(filter.tags.begin(), filter.tags.end(),
                     [&](const std::string& tag) { return carried.contains(tag); });
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
      break;
  }
  return MakeError(StatusCode::kFailedPrecondition, ErrorReason::kLeaseEnded,
                   "this lease_id has ended");
}

absl::Status FakeLockTable::HeldError(const Lock& lock, StatusCode code, ErrorReason reason) const {
  std::map<std::string, std::string> metadata = {
      {"queue_length", std::to_string(lock.queue.size())}};
  if (lock.lease.has_value()) {
    metadata["owner"] = lock.lease->request.owner;
    metadata["fencing_token"] = std::to_string(lock.lease->token);
  }
  return MakeError(
      code, reason,
      code == StatusCode::kAborted ? "the lock is held" : "timed out waiting for the lock",
      metadata);
}

}  // namespace holdfast::fake
