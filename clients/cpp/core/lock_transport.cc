#include "clients/cpp/core/lock_transport.h"

namespace holdfast::core {
namespace {

absl::Status Unimplemented() { return absl::UnimplementedError("not by this transport"); }

}  // namespace

void LockTransport::RenewAll(Duration /*limit*/,
                             absl::AnyInvocable<void(absl::StatusOr<std::uint64_t>)> done) {
  done(Unimplemented());
}

void LockTransport::List(const ListRequest& /*request*/, Duration /*limit*/,
                         absl::AnyInvocable<void(absl::StatusOr<LockPage>)> done) {
  done(Unimplemented());
}

void LockTransport::ForceRelease(const std::string& /*key*/, std::uint64_t /*fencing_token*/,
                                 Duration /*limit*/,
                                 absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) {
  done(Unimplemented());
}

void LockTransport::ReleaseByTag(const ReleaseByTagRequest& /*request*/, Duration /*limit*/,
                                 absl::AnyInvocable<void(absl::StatusOr<ReleaseByTagPage>)> done) {
  done(Unimplemented());
}

std::shared_ptr<LockTransport::WatchCall> LockTransport::Watch(const LockFilter& /*filter*/,
                                                               WatchEvents events) {
  events.on_end(Unimplemented());
  return nullptr;
}

}  // namespace holdfast::core
