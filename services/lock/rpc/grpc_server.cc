#include "services/lock/rpc/grpc_server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/file_descriptor.h"
#include "common/mutex.h"
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
#include "services/lock/rpc/reflection_service.h"
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

// How long everybody may take to read what he has been told. Who writes to a connection
// that has been closed may never read what was sent on it before.
constexpr std::chrono::milliseconds kToRead(1'000);
constexpr std::chrono::milliseconds kBetweenLooks(2);

// How long the connections may take to end after that. It is for the last bytes of
// those who do read.
constexpr std::chrono::milliseconds kCutAfter(2'000);

// Descriptors that connections must leave to the database and the rest.
constexpr int kReservedFds = 64;

// Descriptors that the database will need, and those of connections that have been cut and
// not been closed yet. Only beyond them does a descriptor count as reserved.
constexpr int kOtherFds = 32;

int FirstReservedFd() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<int>::max();
  const auto most =
      static_cast<int>(std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max()));
  // With few in all, a quarter of them.
  return most - std::min(kReservedFds, most / 4);
}

// How many connections there may be: as many as have been asked for, or as there will be
// descriptors for.
ConnectionLimits Within(ConnectionLimits limits, int first_reserved_fd) {
  const FileDescriptor lowest_free(dup(STDERR_FILENO));
  const int free = first_reserved_fd - std::max(lowest_free.get(), 0);
  const int most = std::max(free - std::min(kOtherFds, free / 4), 1);
  limits.max_connections = std::min(limits.max_connections, static_cast<std::uint32_t>(most));
  return limits;
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
  auto sockets = OpenSockets(options.listen, std::move(inherited));
  if (!sockets.ok()) return sockets.status();
  std::unique_ptr<GrpcServer> server(new GrpcServer(engine, options, sockets->size()));
  for (const auto& socket : *sockets) server->addresses_.push_back(socket->address());
  if (absl::Status status = server->Build(engine, *sockets); !status.ok()) return status;
  if (auto status = server->Accept(*std::move(sockets), engine.clock()); !status.ok())
    return status;
  return server;
}

GrpcServer::GrpcServer(LockEngine& engine, const Options& options, std::size_t listeners)
    : connections_(Connections::Make(Within(options.connections, FirstReservedFd()), listeners,
                                     engine.clock())),
      callers_(principals_, options.rules == nullptr ? no_rules_ : *options.rules) {
  const RpcLimits& limits = options.limits;
  const CallStarter starter(engine, callers_, limits.max_message_bytes);
  lock_service_ = std::make_unique<LockServiceImpl>(starter, limits);
  admin_service_ = std::make_unique<AdminServiceImpl>(starter);
  session_service_ = std::make_unique<SessionServiceImpl>(engine, *connections_, callers_, limits);
  health_service_ = std::make_unique<HealthServiceImpl>(std::vector<std::string>{
      v1::LockService::service_full_name(), v1::AdminService::service_full_name(),
      v1::SessionService::service_full_name()});
  reflection_service_ = std::make_unique<ReflectionServiceImpl>(std::vector<std::string>{
      v1::LockService::service_full_name(), v1::AdminService::service_full_name(),
      v1::SessionService::service_full_name(), grpc::health::v1::Health::service_full_name(),
      grpc::reflection::v1::ServerReflection::service_full_name()});
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
  builder.RegisterService(reflection_service_.get());
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
  // A compressed message is refused before it is inflated: gRPC would not look at its size
  // until all of it is in memory.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
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
    reflection_service_->ServeOn(*loop);
    loop->Start();
  }
  return absl::OkStatus();
}

absl::Status GrpcServer::Accept(std::vector<std::unique_ptr<ListeningSocket>> sockets,
                                const Clock& clock) {
  AcceptLoop::Options options{
      .sockets = std::move(sockets), .first_reserved_fd = FirstReservedFd(), .handler = {}};
  absl::flat_hash_map<int, std::size_t> listeners;  // By descriptor.
  for (const auto& socket : options.sockets) listeners.emplace(socket->fd(), listeners.size());
  options.look = [this] { return connections_->Look(); };
  options.handler = [this, listeners](const ListeningSocket& socket, FileDescriptor connection) {
    if (connections_->Add(connection.get(), listeners.at(socket.fd())) == nullptr) return;
    principals_.HandOver(socket, std::move(connection));
  };
  auto loop = AcceptLoop::Start(std::move(options), clock);
  if (!loop.ok()) return loop.status();
  accept_loop_ = *std::move(loop);
  return absl::OkStatus();
}

void GrpcServer::SetServing(bool serving) { health_service_->SetServing(serving); }

// Returns when all calls have been answered and the answers read, but for clients that do
// not read.
void GrpcServer::AwaitClients() {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  for (int i = 0; i < kToRead / kBetweenLooks && connections_->Busy(); ++i) {
    never.WaitFor(mutex, kBetweenLooks);
  }
}

void GrpcServer::Shutdown() {
  accept_loop_.reset();
  if (server_ == nullptr) return;
  session_service_->EndUnattached();
  health_service_->EndWatches();
  AwaitClients();
  std::future<void> ended = std::async(std::launch::async, [this] {
    // A span of time, which gRPC takes as counted from now.
    server_->Shutdown(gpr_time_from_millis(kShutdownMilliseconds, GPR_TIMESPAN));
  });
  if (ended.wait_for(kCutAfter) != std::future_status::ready) {
    Log(LogLevel::kWarning, "closing connections whose clients do not read",
        {{"connections", connections_->CutAll()}});
  }
  ended.get();
  for (const std::unique_ptr<CallLoop>& loop : loops_) loop->Stop();
  server_.reset();
}

}  // namespace holdfast
