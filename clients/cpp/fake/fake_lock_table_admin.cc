// Looking at a FakeServer's locks, and looking after them.

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/errors.h"
#include "clients/cpp/fake/fake_limits.h"
#include "clients/cpp/fake/fake_lock_table.h"

namespace holdfast::fake {

absl::StatusOr<LockInfo> FakeLockTable::Get(const std::string& key) {
  MutexLock lock(mutex_);
  if (absl::Status refusal = Refusal(CheckKey(key)); !refusal.ok()) return refusal;
  const auto found = locks_.find(key);
  return found == locks_.end() ? LockInfo{.key = key} : InfoOf(key, found->second);
}

absl::StatusOr<LockPage> FakeLockTable::List(const Transport::ListRequest& request) {
  MutexLock lock(mutex_);
  if (absl::Status refusal = Refusal(Check(request)); !refusal.ok()) return refusal;
  const std::size_t most = request.page_size == 0 ? 100 : request.page_size;
  LockPage page;
  for (auto next = locks_.upper_bound(KeyBefore(request)); next != locks_.end(); ++next) {
    if (!Matches(request.filter, next->first, next->second)) continue;
    if (page.locks.size() == most) {
      page.next_page_token = PageTokenAfter(request.filter, page.locks.back().key);
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
    if (absl::Status refusal = Refusal(CheckKey(key)); !refusal.ok()) return refusal;
    const auto found = locks_.find(key);
    if (found == locks_.end() || !found->second.lease.has_value() ||
        (fencing_token != 0 && found->second.lease->token != fencing_token)) {
      return core::MakeError(absl::StatusCode::kNotFound, ErrorReason::kLockNotHeld,
                             "no such lease");
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
    if (absl::Status refusal = Refusal(Check(request)); !refusal.ok()) return refusal;
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
    if (absl::Status refusal = Refusal(CheckFilter(filter)); !refusal.ok()) {
      answers.push_back([call, refusal] { call->watch.on_end(refusal); });
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

// --- What is shown ------------------------------------------------------------------------

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

}  // namespace holdfast::fake
