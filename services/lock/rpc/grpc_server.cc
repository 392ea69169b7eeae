#include "services/lock/rpc/grpc_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <thread>
#include <utility>

#include "grpc/support/time.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "services/common/log.h"
#include "services/lock/rpc/admin_service.h"
#include "services/lock/rpc/call_loop.h"
#include "services/lock/rpc/health_service.h"
#include "services/lock/rpc/lock_service.h"
#include "services/lock/rpc/session_service.h"
#include "services/lock/rpc/unary_call.h"
#include "services/net/inherited_sockets.h"

namespace holdfast {
namespace {

// Reflection is the one service that needs a thread for each of its streams.
constexpr int kMaxThreads = 8;

// How long calls may take to end when the server stops. They have been answered
// by then; only clients that do not read are still there.
constexpr std::int64_t kShutdownMilliseconds = 1'000;

// How long the connections may take to end after that. It is for the last bytes of
// those who do read.
constexpr std::chrono::milliseconds kCutAfter(2'000);

// Descriptors that connections must leave to the database and the rest.
constexpr int kReservedFds = 64;

int FirstReservedFd() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<int>::max();
  const auto most =
      static_cast<int>(std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max()));
  // With few in all, a quarter of them.
  return most - std::min(kReservedFds, most / 4);
}

// Half of the processors: what the engine and the clients on the same machine need is as
// much again. More than these only keep each other from their work.
std::size_t LoopCount() {
  constexpr unsigned kMost = 8;
  return std::clamp(std::thread::hardware_concurrency() / 2, 1U, kMost);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    LockEngine& engine, const Options& options, std::vector<FileDescriptor> inherited) {
  std::unique_ptr<GrpcServer> server(new GrpcServer(engine, options.limits));
  auto sockets = OpenSockets(options.listen, std::move(inherited));
  if (!sockets.ok()) return sockets.status();
  for (const auto& socket : *sockets) server->addresses_.push_back(socket->address());
  if (absl::Status status = server->Build(engine, *sockets); !status.ok()) return status;
  if (auto status = server->Accept(*std::move(sockets), engine.clock()); !status.ok())
    return status;
  return server;
}

GrpcServer::GrpcServer(LockEngine& engine, const RpcLimits& limits) {
  const CallStarter starter(engine, principals_, limits.max_message_bytes);
  lock_service_ = std::make_unique<LockServiceImpl>(starter, limits);
  admin_service_ = std::make_unique<AdminServiceImpl>(starter);
  session_service_ = std::make_unique<SessionServiceImpl>(engine, principals_, limits);
  health_service_ = std::make_unique<HealthServiceImpl>(std::vector<std::string>{
      v1::LockService::service_full_name(), v1::AdminService::service_full_name(),
      v1::SessionService::service_full_name()});
}

GrpcServer::~GrpcServer() { Shutdown(); }

absl::Status GrpcServer::Build(LockEngine& engine,
                               const std::vector<std::unique_ptr<ListeningSocket>>& sockets) {
  // A setting of the process, for servers that are built later.
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.RegisterService(lock_service_.get());
  builder.RegisterService(admin_service_.get());
  builder.RegisterService(session_service_.get());
  builder.RegisterService(health_service_.get());
  for (std::size_t i = 0; i < LoopCount(); ++i) {
    loops_.push_back(std::make_unique<CallLoop>(builder.AddCompletionQueue(), engine));
  }
  principals_.AddTo(builder, sockets);

  // Whatever gRPC ends of its own accord, a stream or a connection, looks as if the client
  // had ended it, and bound leases with it. So it must have no reason of its own.
  //
  // A message that is too large we refuse ourselves, and in full. A limit of gRPC's would
  // spare nothing: it looks at the length when the whole message has come.
  builder.SetMaxReceiveMessageSize(std::numeric_limits<int>::max());
  // Clients may ask as often as they like whether the connection is alive. The server does
  // not ask: of hosts that have gone the kernel's own keepalive tells.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, std::numeric_limits<int>::max());

  builder.SetResourceQuota(grpc::ResourceQuota("holdfastd").SetMaxThreads(kMaxThreads));
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 1);

  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return absl::InternalError("gRPC cannot start the server");
  for (const std::unique_ptr<CallLoop>& loop : loops_) {
    lock_service_->ServeOn(*loop);
    admin_service_->ServeOn(*loop);
    session_service_->ServeOn(*loop);
    health_service_->ServeOn(*loop);
    loop->Start();
  }
  return absl::OkStatus();
}

absl::Status GrpcServer::Accept(std::vector<std::unique_ptr<ListeningSocket>> sockets,
                                const Clock& clock) {
  AcceptLoop::Options options{
      .sockets = std::move(sockets), .first_reserved_fd = FirstReservedFd(), .handler = {}};
  options.handler = [this](const ListeningSocket& socket, FileDescriptor connection) {
    connections_.Add(connection.get());
    principals_.HandOver(socket, std::move(connection));
  };
  auto loop = AcceptLoop::Start(std::move(options), clock);
  if (!loop.ok()) return loop.status();
  accept_loop_ = *std::move(loop);
  return absl::OkStatus();
}

void GrpcServer::SetServing(bool serving) { health_service_->SetServing(serving); }

void GrpcServer::Shutdown() {
  accept_loop_.reset();
  if (server_ == nullptr) return;
  session_service_->EndUnattached();
  std::future<void> ended = std::async(std::launch::async, [this] {
    // A span of time, which gRPC takes as counted from now.
    server_->Shutdown(gpr_time_from_millis(kShutdownMilliseconds, GPR_TIMESPAN));
  });
  if (ended.wait_for(kCutAfter) != std::future_status::ready) {
    Log(LogLevel::kWarning, "closing connections whose clients do not read",
        {{"connections", connections_.Cut()}});
  }
  ended.get();
  for (const std::unique_ptr<CallLoop>& loop : loops_) loop->Stop();
  server_.reset();
}

}  // namespace holdfast
