#include "tests/bench/load/unary_driver.h"

#include <optional>

#include "grpcpp/client_context.h"
#include "tests/support/acquire_args.h"
#include "tests/support/channel.h"

namespace holdfast::bench {

// Messages are kept and filled anew for each call, as a client does that cares.
struct UnaryDriver::Call final : SlotState {
  v1::LockService::Stub* stub = nullptr;
  std::optional<grpc::ClientContext> context;
  v1::AcquireRequest acquire;
  v1::AcquireResponse acquired;
  v1::ReleaseRequest release;
  v1::ReleaseResponse released;
  v1::RenewRequest renew;
  v1::RenewResponse renewed;
};

UnaryDriver::UnaryDriver(const DriverOptions& options) {
  for (int i = 0; i < options.connections; ++i) {
    stubs_.push_back(v1::LockService::NewStub(OwnChannel(options.address)));
  }
}

void UnaryDriver::Prepare(Slot& slot) {
  auto call = std::make_unique<Call>();
  call->stub = stubs_[static_cast<std::size_t>(slot.number) % stubs_.size()].get();
  call->acquire.set_owner("worker@host-17:31337");
  slot.state = std::move(call);
}

UnaryDriver::Call& UnaryDriver::CallOf(Slot& slot) {
  auto& call = static_cast<Call&>(*slot.state);
  call.context.emplace();
  return call;
}

void UnaryDriver::Acquire(Slot& slot) {
  Call& call = CallOf(slot);
  call.acquire.set_key(slot.key);
  call.acquire.set_lease_id(slot.lease_id);
  *call.acquire.mutable_expire() = ToProto(slot.expire);
  if (slot.timeout > slot.timeout.zero()) *call.acquire.mutable_timeout() = ToProto(slot.timeout);
  call.stub->async()->Acquire(&*call.context, &call.acquire, &call.acquired,
                              [&slot](const grpc::Status& status) { slot.Done(status.ok()); });
}

void UnaryDriver::Release(Slot& slot) {
  Call& call = CallOf(slot);
  call.release.set_key(slot.key);
  call.release.set_lease_id(slot.lease_id);
  call.stub->async()->Release(&*call.context, &call.release, &call.released,
                              [&slot](const grpc::Status& status) { slot.Done(status.ok()); });
}

void UnaryDriver::Renew(Slot& slot) {
  Call& call = CallOf(slot);
  call.renew.set_key(slot.key);
  call.renew.set_lease_id(slot.lease_id);
  call.stub->async()->Renew(&*call.context, &call.renew, &call.renewed,
                            [&slot](const grpc::Status& status) { slot.Done(status.ok()); });
}

}  // namespace holdfast::bench
