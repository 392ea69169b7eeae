// Single gRPC calls, which own themselves: the registry keeps each of them until
// gRPC is done with it.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_GRPC_CALLS_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_GRPC_CALLS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/transport/call_registry.h"
#include "clients/cpp/transport/server_contact.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"
#include "holdfast/time.h"
#include "holdfast/v1/lock_service.grpc.pb.h"

namespace holdfast::core {

// A Wait stream. Thread-safe.
class GrpcWaitCall final : public LockTransport::WaitCall,
                           public CallRegistry::Call,
                           public grpc::ClientReadReactor<v1::WaitEvent> {
 public:
  GrpcWaitCall(v1::AcquireRequest request, LockTransport::WaitEvents events,
               std::shared_ptr<ServerContact> contact)
      : request_(std::move(request)), events_(std::move(events)), contact_(std::move(contact)) {}

  static void Start(std::shared_ptr<GrpcWaitCall> call, v1::LockService::Stub& stub,
                    std::shared_ptr<CallRegistry> registry);

  void Cancel() override { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  grpc::ClientContext context_;
  const v1::AcquireRequest request_;
  v1::WaitEvent event_;
  LockTransport::WaitEvents events_;  // on_end is null once it was called.
  const std::shared_ptr<ServerContact> contact_;
  std::shared_ptr<CallRegistry> registry_;
};

// A Watch stream. Thread-safe. The hold keeps gRPC from ending the call while nothing is
// being read, so that reading can go on later.
class GrpcWatchCall final : public LockTransport::WatchCall,
                            public CallRegistry::Call,
                            public grpc::ClientReadReactor<v1::WatchResponse> {
 public:
  GrpcWatchCall(v1::WatchRequest request, LockTransport::WatchEvents events,
                std::shared_ptr<ServerContact> contact)
      : request_(std::move(request)), events_(std::move(events)), contact_(std::move(contact)) {}

  static void Start(std::shared_ptr<GrpcWatchCall> call, v1::LockService::Stub& stub,
                    std::shared_ptr<CallRegistry> registry);

  void Cancel() override;
  void ReadOn() override;

 private:
  enum class Reading { kOn, kPaused, kToGoOn, kOver };

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  grpc::ClientContext context_;
  const v1::WatchRequest request_;
  v1::WatchResponse response_;
  LockTransport::WatchEvents events_;
  const std::shared_ptr<ServerContact> contact_;
  std::shared_ptr<CallRegistry> registry_;

  Mutex mutex_;
  Reading reading_ GUARDED_BY(mutex_) = Reading::kOn;
  bool cancelled_ GUARDED_BY(mutex_) = false;
};

// A call with one answer, of any of the API's services. Thread-safe.
template <typename Service, typename Request, typename Response>
class GrpcUnaryCall final : public CallRegistry::Call {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>)>;
  // A method of the stub's callback interface.
  using Method = void (Service::StubInterface::async_interface::*)(
      grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>);

  GrpcUnaryCall(Request request, Duration limit, Done done, std::shared_ptr<ServerContact> contact)
      : request_(std::move(request)), done_(std::move(done)), contact_(std::move(contact)) {
    // A span rather than a moment: nothing here depends on the wall clock.
    context_.set_deadline(gpr_time_from_nanos(limit.count(), GPR_TIMESPAN));
  }

  static void Start(const std::shared_ptr<GrpcUnaryCall>& call, typename Service::Stub& stub,
                    Method method, const std::shared_ptr<CallRegistry>& registry) {
    if (!registry->Add(call)) {
      call->done_(absl::CancelledError("the client was destroyed"));
      return;
    }
    (stub.async()->*method)(&call->context_, &call->request_, &call->response_,
                            [self = call.get(), registry](const grpc::Status& status) {
                              self->End(status);
                              registry->Remove(self);
                            });
  }

  void Cancel() override { context_.TryCancel(); }

 private:
  void End(const grpc::Status& status) {
    if (absl::Status end = contact_->StatusOf(status); end.ok()) {
      done_(std::move(response_));
    } else {
      done_(std::move(end));
    }
  }

  grpc::ClientContext context_;
  const Request request_;
  Response response_;
  Done done_;
  const std::shared_ptr<ServerContact> contact_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_GRPC_CALLS_H_
