// A gRPC server that does nothing: it takes the lock service's messages, and answers
// with messages of the usual size. `bare_server ADDRESS` serves until it is killed.

#include <cstdio>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"  // It would define again what common/mutex.h has.
#include "common/mutex.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "holdfast/v1/session.grpc.pb.h"

namespace holdfast {
namespace {

// As in a session, where the client knows the rest.
void FillWithoutNames(v1::Lease& lease) {
  lease.set_fencing_token(1);
  lease.mutable_expire()->set_seconds(30);
  lease.mutable_remaining()->set_seconds(30);
  lease.mutable_elapsed();
}

void Fill(v1::Lease& lease, const std::string& key, const std::string& lease_id) {
  FillWithoutNames(lease);
  lease.set_key(key);
  lease.set_lease_id(lease_id);
  lease.set_owner("worker@host-17:31337");
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

class BareService final : public v1::LockService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Acquire(grpc::CallbackServerContext* context,
                                    const v1::AcquireRequest* request,
                                    v1::AcquireResponse* response) override {
    Fill(*response->mutable_lease(), request->key(), request->lease_id());
    return Answer(context);
  }

  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context,
                                    const v1::ReleaseRequest* /*request*/,
                                    v1::ReleaseResponse* /*response*/) override {
    return Answer(context);
  }

  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewRequest* request,
                                  v1::RenewResponse* response) override {
    Fill(*response->mutable_lease(), request->key(), request->lease_id());
    return Answer(context);
  }
};

// Answers each operation in the next message.
class BareSession final : public grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse> {
 public:
  BareSession() { StartRead(&request_); }

 private:
  void OnReadDone(bool ok) override {
    {
      MutexLock lock(mutex_);
      ended_ = !ok;
      if (ok) {
        for (const v1::Operation& operation : request_.operations()) Add(operation);
      }
      WriteLocked();
    }
    if (ok) StartRead(&request_);
  }

  void OnWriteDone(bool /*ok*/) override {
    MutexLock lock(mutex_);
    writing_ = false;
    WriteLocked();
  }

  void OnDone() override { delete this; }

  void Add(const v1::Operation& operation) REQUIRES(mutex_) {
    v1::Event& event = *unwritten_.add_events();
    event.set_id(operation.id());
    if (operation.has_attach()) event.mutable_attached();
    if (operation.has_release()) event.mutable_released();
    if (operation.has_renew_all()) event.mutable_renewed_all();
    if (operation.has_acquire()) FillWithoutNames(*event.mutable_granted());
    if (operation.has_renew()) FillWithoutNames(*event.mutable_renewed());
  }

  void WriteLocked() REQUIRES(mutex_) {
    if (writing_) return;
    if (ended_ && !std::exchange(finished_, true)) return Finish(grpc::Status::OK);
    if (ended_ || unwritten_.events().empty()) return;
    written_.Clear();
    std::swap(written_, unwritten_);
    written_.set_number(++number_);
    writing_ = true;
    StartWrite(&written_);
  }

  // gRPC's alone while they are being read and written.
  v1::SessionRequest request_;
  v1::SessionResponse written_;

  Mutex mutex_;
  v1::SessionResponse unwritten_ GUARDED_BY(mutex_);
  std::uint64_t number_ GUARDED_BY(mutex_) = 0;
  bool writing_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
};

class BareSessionService final : public v1::SessionService::CallbackService {
 public:
  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Session(
      grpc::CallbackServerContext* /*context*/) override {
    return new BareSession;
  }
};

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bare_server ADDRESS\n", stderr);
    return 64;
  }
  holdfast::BareService service;
  holdfast::BareSessionService sessions;
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  builder.RegisterService(&sessions);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) return 69;
  server->Wait();
}
