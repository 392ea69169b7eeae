#include "clients/cpp/core/fake_transport.h"

namespace holdfast::core {

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
