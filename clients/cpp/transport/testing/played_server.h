// A gRPC server in this process that does as it is told: each call runs the function of its
// kind, on a thread of its own.

#ifndef HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_PLAYED_SERVER_H_
#define HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_PLAYED_SERVER_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "holdfast/v1/admin_service.grpc.pb.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "holdfast/v1/session.grpc.pb.h"

namespace holdfast::core {

// What to do with a call. Set before the call is made; a call without one is UNIMPLEMENTED.
template <typename Request, typename Answer>
using Play = std::function<grpc::Status(grpc::ServerContext&, const Request&, Answer&)>;

class PlayedLockService final : public v1::LockService::Service {
 public:
  using WaitStream = grpc::ServerWriter<v1::WaitEvent>;
  using WatchStream = grpc::ServerWriter<v1::WatchResponse>;

  Play<v1::AcquireRequest, WaitStream> on_wait;
  Play<v1::RenewRequest, v1::RenewResponse> on_renew;
  Play<v1::ReleaseRequest, v1::ReleaseResponse> on_release;
  Play<v1::GetRequest, v1::GetResponse> on_get;
  Play<v1::ListRequest, v1::ListResponse> on_list;
  Play<v1::WatchRequest, WatchStream> on_watch;

 private:
  template <typename Request, typename Answer>
  static grpc::Status Do(const Play<Request, Answer>& play, grpc::ServerContext& context,
                         const Request& request, Answer& answer) {
    if (!play) return {grpc::StatusCode::UNIMPLEMENTED, ""};
    return play(context, request, answer);
  }

  grpc::Status Wait(grpc::ServerContext* context, const v1::AcquireRequest* request,
                    WaitStream* stream) override {
    return Do(on_wait, *context, *request, *stream);
  }
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::RenewResponse* response) override {
    return Do(on_renew, *context, *request, *response);
  }
  grpc::Status Release(grpc::ServerContext* context, const v1::ReleaseRequest* request,
                       v1::ReleaseResponse* response) override {
    return Do(on_release, *context, *request, *response);
  }
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    return Do(on_get, *context, *request, *response);
  }
  grpc::Status List(grpc::ServerContext* context, const v1::ListRequest* request,
                    v1::ListResponse* response) override {
    return Do(on_list, *context, *request, *response);
  }
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     WatchStream* stream) override {
    return Do(on_watch, *context, *request, *stream);
  }
};

class PlayedAdminService final : public v1::AdminService::Service {
 public:
  Play<v1::ForceReleaseRequest, v1::ForceReleaseResponse> on_force_release;
  Play<v1::ReleaseByTagRequest, v1::ReleaseByTagResponse> on_release_by_tag;

 private:
  grpc::Status ForceRelease(grpc::ServerContext* context, const v1::ForceReleaseRequest* request,
                            v1::ForceReleaseResponse* response) override {
    return on_force_release(*context, *request, *response);
  }
  grpc::Status ReleaseByTag(grpc::ServerContext* context, const v1::ReleaseByTagRequest* request,
                            v1::ReleaseByTagResponse* response) override {
    return on_release_by_tag(*context, *request, *response);
  }
};

class PlayedSessionService final : public v1::SessionService::Service {
 public:
  using SessionStream = grpc::ServerReaderWriter<v1::SessionResponse, v1::SessionRequest>;

  std::function<grpc::Status(SessionStream&)> on_session;  // As a Play.

 private:
  grpc::Status Session(grpc::ServerContext* /*context*/, SessionStream* stream) override {
    if (!on_session) return {grpc::StatusCode::UNIMPLEMENTED, ""};
    return on_session(*stream);
  }
};

// Until the client cancels the call, or its connection has gone.
inline void HangUntilCancelled(const grpc::ServerContext& context) {
  while (!context.IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// Thread-compatible.
class PlayedServer {
 public:
  // At a port of 127.0.0.1 that it chooses, or at `address`.
  PlayedServer() : PlayedServer("127.0.0.1:0") {}
  explicit PlayedServer(const std::string& address) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    // As the real one, which closes connections that ping more often.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
    builder.RegisterService(&locks);
    builder.RegisterService(&admin);
    builder.RegisterService(&sessions);
    server_ = builder.BuildAndStart();
    address_ = address.starts_with("unix:") ? address : "127.0.0.1:" + std::to_string(port);
  }
  ~PlayedServer() { Shutdown(); }
  PlayedServer(const PlayedServer&) = delete;
  PlayedServer& operator=(const PlayedServer&) = delete;

  const std::string& address() const { return address_; }

  // Cancels the calls that are under way, and waits until their functions have returned.
  void Shutdown() {
    if (server_ != nullptr) server_->Shutdown(gpr_time_0(GPR_TIMESPAN));
    server_ = nullptr;
  }

  PlayedLockService locks;
  PlayedAdminService admin;
  PlayedSessionService sessions;

 private:
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_TRANSPORT_TESTING_PLAYED_SERVER_H_
