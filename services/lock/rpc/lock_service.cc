#include "services/lock/rpc/lock_service.h"

#include <utility>

#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/wait_reactor.h"
#include "services/lock/rpc/watch_reactor.h"

namespace holdfast {

grpc::ServerWriteReactor<grpc::ByteBuffer>* LockServiceImpl::Wait(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* bytes) {
  const Instant received = starter_.Now();
  auto* call = new WaitReactor(starter_.engine(), *context);
  v1::AcquireRequest request;
  if (const grpc::Status status = starter_.Read(*bytes, request); !status.ok()) {
    call->Reject(status);
  } else if (OpenStreams::Place place = open_waits_.TryOpen(); place == nullptr) {
    call->Reject(LimitExceeded("max_open_waits"));
  } else {
    call->Submit(ToWaitCommand(std::move(request), received), std::move(place));
  }
  return call;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* LockServiceImpl::Watch(
    grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* bytes) {
  auto* call = new WatchReactor(starter_.engine(), watch_writing_, max_watch_backlog_);
  v1::WatchRequest request;
  if (const grpc::Status status = starter_.Read(*bytes, request); !status.ok()) {
    call->Reject(status);
  } else if (OpenStreams::Place place = open_watches_.TryOpen(); place == nullptr) {
    call->Reject(LimitExceeded("max_watches"));
  } else {
    call->Submit(ToCommand(std::move(request)), std::move(place));
  }
  return call;
}

grpc::ServerUnaryReactor* LockServiceImpl::Acquire(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return starter_.Start<v1::AcquireRequest>(*context, *request, *response);
}

grpc::ServerUnaryReactor* LockServiceImpl::Release(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return starter_.Start<v1::ReleaseRequest>(*context, *request, *response);
}

grpc::ServerUnaryReactor* LockServiceImpl::Renew(grpc::CallbackServerContext* context,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  return starter_.Start<v1::RenewRequest>(*context, *request, *response);
}

grpc::ServerUnaryReactor* LockServiceImpl::Get(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  return starter_.Start<v1::GetRequest>(*context, *request, *response);
}

grpc::ServerUnaryReactor* LockServiceImpl::List(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) {
  return starter_.Start<v1::ListRequest>(*context, *request, *response);
}

}  // namespace holdfast
