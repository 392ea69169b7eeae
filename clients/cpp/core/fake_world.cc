#include "clients/cpp/core/fake_world.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace holdfast::core {

void FakeLoop::SetAlarm(MonotonicTime when) {
  assert(InTask());
  alarm_ = when;
}

void FakeLoop::Advance(Duration span) {
  const MonotonicTime end = Now() + span;
  while (alarm_ <= end) {
    now_ = std::max(Now(), alarm_).time_since_epoch().count();
    RingIfDue();
  }
  now_ = end.time_since_epoch().count();
}

void FakeLoop::Freeze(Duration span) {
  now_ += span.count();
  RingIfDue();
}

void FakeLoop::RingIfDue() {
  if (alarm_ > Now()) return;
  Run([this] {
    alarm_ = MonotonicTime::max();
    if (!stopped_) Ring();
  });
}

void FakeWait::SayQueued(std::uint32_t position, const std::string& holder) {
  HolderInfo info;
  info.owner = holder;
  info.fencing_token = 7;
  events_.on_queued({.position = position, .queue_sequence = position, .holders = {info}});
}

void FakeWait::SayGranted(std::uint64_t fencing_token, Duration elapsed) {
  events_.on_end(
      Grant{.fencing_token = fencing_token, .remaining = request_.expire, .elapsed = elapsed});
}

std::shared_ptr<LockTransport::WaitCall> FakeTransport::Wait(const WaitRequest& request,
                                                             WaitEvents events) {
  waits.push_back(std::make_shared<FakeWait>(request, std::move(events)));
  return waits.back();
}

void FakeTransport::Renew(const std::string& key, const std::string& lease_id, Duration limit,
                          absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) {
  renewals.push_back({key, lease_id, limit, nullptr});
  if (answer_renewals.has_value()) {
    done(*answer_renewals);
  } else {
    renewals.back().answer = std::move(done);
  }
}

void FakeTransport::RenewAll(Duration limit,
                             absl::AnyInvocable<void(absl::StatusOr<std::uint64_t>)> done) {
  if (!renews_all) {
    LockTransport::RenewAll(limit, std::move(done));
    return;
  }
  renewals_of_all.push_back({"", "", limit, std::move(done)});
}

void FakeTransport::Release(const std::string& key, const std::string& lease_id, Duration limit,
                            absl::AnyInvocable<void(absl::Status)> done) {
  if (on_release) on_release(lease_id);
  releases.push_back({key, lease_id, limit, nullptr});
  if (answer_releases.has_value()) {
    done(*answer_releases);
  } else {
    releases.back().answer = std::move(done);
  }
}

void FakeTransport::Get(const std::string& key, Duration limit,
                        absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) {
  gets.push_back({key, "", limit, std::move(done)});
}

void FakeTransport::ForceRelease(const std::string& key, std::uint64_t /*fencing_token*/,
                                 Duration limit,
                                 absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) {
  forced.push_back({key, "", limit, std::move(done)});
}

std::shared_ptr<LockTransport::WatchCall> FakeTransport::Watch(const LockFilter& filter,
                                                               WatchEvents events) {
  watches.push_back(std::make_shared<FakeWatch>(filter, std::move(events)));
  return watches.back();
}

}  // namespace holdfast::core
