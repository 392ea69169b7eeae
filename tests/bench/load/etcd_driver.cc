#include "tests/bench/load/etcd_driver.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "etcd/kv.grpc.pb.h"
#include "etcd/lock.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/support/channel.h"

namespace holdfast::bench {

struct EtcdDriver::Connection {
  explicit Connection(const std::shared_ptr<grpc::Channel>& channel)
      : kv(etcdserverpb::KV::NewStub(channel)),
        lease(etcdserverpb::Lease::NewStub(channel)),
        lock(v3lockpb::Lock::NewStub(channel)) {}

  std::unique_ptr<etcdserverpb::KV::Stub> kv;
  std::unique_ptr<etcdserverpb::Lease::Stub> lease;
  std::unique_ptr<v3lockpb::Lock::Stub> lock;
};

struct EtcdDriver::Call final : SlotState {
  Connection* connection = nullptr;
  std::int64_t lease = 0;
  std::optional<grpc::ClientContext> context;
  v3lockpb::LockRequest lock;
  v3lockpb::LockResponse locked;
  v3lockpb::UnlockRequest unlock;
  v3lockpb::UnlockResponse unlocked;
  etcdserverpb::TxnRequest transaction;
  etcdserverpb::TxnResponse transacted;
  std::int64_t created = 0;  // The revision at which the key was made: whose it is.
};

EtcdDriver::EtcdDriver(const DriverOptions& options, EtcdWay way) : way_(way) {
  for (int i = 0; i < options.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(OwnChannel(options.address)));
  }
}

EtcdDriver::~EtcdDriver() = default;

// Locks of one lease on one key are one lock to the lock service, so each slot has its own.
void EtcdDriver::Prepare(Slot& slot) {
  auto call = std::make_unique<Call>();
  call->connection =
      connections_[static_cast<std::size_t>(slot.number) % connections_.size()].get();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(3600);
  etcdserverpb::LeaseGrantResponse response;
  // If it fails, then so does what needs the lease.
  call->connection->lease->LeaseGrant(&context, request, &response);
  call->lease = response.id();
  slot.state = std::move(call);
}

EtcdDriver::Call& EtcdDriver::CallOf(Slot& slot) {
  auto& call = static_cast<Call&>(*slot.state);
  call.context.emplace();
  return call;
}

void EtcdDriver::Acquire(Slot& slot) {
  Call& call = CallOf(slot);
  if (way_ == EtcdWay::kLockService) {
    call.lock.set_name(slot.key);
    call.lock.set_lease(call.lease);
    call.connection->lock->async()->Lock(
        &*call.context, &call.lock, &call.locked,
        [&slot](const grpc::Status& status) { slot.Done(status.ok()); });
    return;
  }
  call.transaction.Clear();
  etcdserverpb::Compare& absent = *call.transaction.add_compare();
  absent.set_result(etcdserverpb::Compare::EQUAL);
  absent.set_target(etcdserverpb::Compare::CREATE);
  absent.set_key(slot.key);
  absent.set_create_revision(0);
  etcdserverpb::PutRequest& put = *call.transaction.add_success()->mutable_request_put();
  put.set_key(slot.key);
  put.set_value("worker@host-17:31337");
  put.set_lease(call.lease);
  call.connection->kv->async()->Txn(&*call.context, &call.transaction, &call.transacted,
                                    [&slot](const grpc::Status& status) {
                                      auto& done = static_cast<Call&>(*slot.state);
                                      done.created = done.transacted.header().revision();
                                      slot.Done(status.ok() && done.transacted.succeeded());
                                    });
}

void EtcdDriver::Release(Slot& slot) {
  Call& call = CallOf(slot);
  if (way_ == EtcdWay::kLockService) {
    call.unlock.set_key(call.locked.key());
    call.connection->lock->async()->Unlock(
        &*call.context, &call.unlock, &call.unlocked,
        [&slot](const grpc::Status& status) { slot.Done(status.ok()); });
    return;
  }
  call.transaction.Clear();
  etcdserverpb::Compare& ours = *call.transaction.add_compare();
  ours.set_result(etcdserverpb::Compare::EQUAL);
  ours.set_target(etcdserverpb::Compare::CREATE);
  ours.set_key(slot.key);
  ours.set_create_revision(call.created);
  call.transaction.add_success()->mutable_request_delete_range()->set_key(slot.key);
  call.connection->kv->async()->Txn(
      &*call.context, &call.transaction, &call.transacted, [&slot](const grpc::Status& status) {
        slot.Done(status.ok() && static_cast<Call&>(*slot.state).transacted.succeeded());
      });
}

}  // namespace holdfast::bench
