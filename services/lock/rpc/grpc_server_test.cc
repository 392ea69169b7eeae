// What the server offers beside the lock service, and how it starts and ends.

#include "services/lock/rpc/grpc_server.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/file_descriptor.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/engine/testing/gate_store.h"
#include "services/lock/rpc/testing/raw_call.h"
#include "services/lock/rpc/testing/test_server.h"
#include "services/net/testing/scratch_folder.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr char kLockService[] = "holdfast.v1.LockService";
constexpr char kAdminService[] = "holdfast.v1.AdminService";
constexpr char kSessionService[] = "holdfast.v1.SessionService";

// Of grpc.health.v1.HealthCheckResponse on the wire.
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

// What grpc.health.v1 says about a service; empty if the call failed.
std::string Health(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  std::string request;
  if (!service.empty()) {
    request = "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
  }
  const RawResult result = RawCall(channel, "/grpc.health.v1.Health/Check", request);
  return result.messages.size() == 1 ? result.messages[0] : "";
}

TEST(GrpcServerTest, HealthFollowsWhatIsSet) {
  TestServer server({.load = false});
  const auto channel = server.NewChannel();
  EXPECT_EQ(Health(channel, ""), kNotServing);
  EXPECT_EQ(Health(channel, kLockService), kNotServing);
  server.Load();
  EXPECT_EQ(Health(channel, ""), kServing);
  EXPECT_EQ(Health(channel, kLockService), kServing);
  server.server().SetServing(false);
  EXPECT_EQ(Health(channel, ""), kNotServing);
  EXPECT_EQ(Health(channel, kLockService), kNotServing);
}

TEST(GrpcServerTest, WhoWatchesTheHealthIsToldOfEachChange) {
  using grpc::health::v1::HealthCheckResponse;
  TestServer server({.load = false});
  const auto stub = grpc::health::v1::Health::NewStub(server.NewChannel());
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, grpc::health::v1::HealthCheckRequest());
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  server.server().SetServing(true);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  server.server().SetServing(true);  // No change.
  server.server().SetServing(false);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  context.TryCancel();
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST(GrpcServerTest, IsNotServingForAsLongAsItLoads) {
  StoreGate gate;
  gate.Close();
  TestServer server({.load = false});
  const auto channel = server.NewChannel();
  std::thread loading([&] { server.Load(std::make_unique<GateStore>(gate)); });
  gate.AwaitArrival();
  for (const char* service : {"", kLockService, kAdminService, kSessionService}) {
    EXPECT_EQ(Health(channel, service), kNotServing);
  }
  EXPECT_EQ(StubClient(server.address()).Get("k").status.reason, "SERVER_STARTING");
  gate.Open();
  loading.join();
  for (const char* service : {"", kLockService, kAdminService, kSessionService}) {
    EXPECT_EQ(Health(channel, service), kServing);
  }
  EXPECT_TRUE(StubClient(server.address()).Get("k").ok());
}

constexpr char kReflection[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

TEST(GrpcServerTest, ReflectionOfTodayListsTheServicesAndKnowsWhatTheyTake) {
  TestServer server;
  const RawResult list = RawCall(server.NewChannel(), kReflection, "\x3a\x01*");
  EXPECT_TRUE(list.status.ok()) << list.status.error_message();
  ASSERT_EQ(list.messages.size(), 1u);
  EXPECT_THAT(list.messages[0], HasSubstr(kLockService));
  EXPECT_THAT(list.messages[0], HasSubstr("grpc.health.v1.Health"));
  for (const std::string symbol : {"holdfast.v1.AcquireRequest", "grpc.health.v1.Health"}) {
    const RawResult file =
        RawCall(server.NewChannel(), kReflection,
                "\x22" + std::string(1, static_cast<char>(symbol.size())) + symbol);
    ASSERT_EQ(file.messages.size(), 1u) << symbol;
    EXPECT_THAT(file.messages[0], HasSubstr(symbol.substr(symbol.rfind('.') + 1)));
  }
  const RawResult none = RawCall(server.NewChannel(), kReflection, "\x22\x04none");
  ASSERT_EQ(none.messages.size(), 1u);
  EXPECT_THAT(none.messages[0], HasSubstr("not known here"));
}

TEST(GrpcServerTest, ReflectionListsTheServices) {
  TestServer server;
  const std::string list_services = {'\x3a', '\x01', '*'};
  const RawResult result =
      RawCall(server.NewChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              list_services);
  ASSERT_EQ(result.messages.size(), 1u) << result.status.error_message();
  EXPECT_THAT(result.messages[0], HasSubstr(kLockService));
  EXPECT_THAT(result.messages[0], HasSubstr(kAdminService));
  EXPECT_THAT(result.messages[0], HasSubstr(kSessionService));
  EXPECT_THAT(result.messages[0], HasSubstr("grpc.health.v1.Health"));
}

TEST(GrpcServerTest, ReflectionKnowsTheMessages) {
  TestServer server;
  const std::string file_containing_symbol =
      std::string("\x22") + static_cast<char>(sizeof(kLockService) - 1) + kLockService;
  const RawResult result =
      RawCall(server.NewChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              file_containing_symbol);
  ASSERT_EQ(result.messages.size(), 1u) << result.status.error_message();
  EXPECT_THAT(result.messages[0], HasSubstr("AcquireRequest"));
}

// How many threads gRPC keeps for its streams of reflection.
std::size_t StreamThreads() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (name.starts_with("grpcpp_sync")) ++count;
  }
  return count;
}

// Also after it was used. (It is the test's time limit that checks it: a thread that is
// one too many ends by itself.)
TEST(GrpcServerTest, ReflectionKeepsOneThread) {
  TestServer server;
  while (StreamThreads() != 1) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    RawCall(server.NewChannel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            std::string("\x3a\x01*"));
  }
  while (StreamThreads() != 1) std::this_thread::yield();
}

void OnFatal(const absl::Status& status) { ADD_FAILURE() << status; }

class ManyAddressesTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const std::vector<std::string>& addresses) {
    GrpcServer::Options options;
    for (const std::string& text : addresses) options.listen.push_back(*ParseListenAddress(text));
    return GrpcServer::Start(engine_, options);
  }

  static bool Answers(const std::string& address) {
    return Health(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()), "") ==
           kNotServing;
  }

  const ScratchFolder folder_;
  LockEngine engine_{Limits(), SystemClock(), OnFatal};
};

TEST_F(ManyAddressesTest, ServesOnAllOfThem) {
  const auto server =
      Start({"unix:" + (folder_ / "a"), "127.0.0.1:0", "unix:" + (folder_ / "b"), "127.0.0.1:0"});
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_EQ((*server)->addresses().size(), 4u);
  for (const std::string& address : (*server)->addresses()) EXPECT_TRUE(Answers(address));
}

TEST_F(ManyAddressesTest, StartsOnAllOrNone) {
  const auto taken = Start({"127.0.0.1:0"});
  ASSERT_TRUE(taken.ok());
  const std::string free = "unix:" + (folder_ / "free");
  const auto failed = Start({free, (*taken)->addresses()[0]});
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr((*taken)->addresses()[0]));
  EXPECT_TRUE(Start({free}).ok());
}

TEST_F(ManyAddressesTest, CanBeTakenAgainAfterShutdown) {
  const std::string unix_address = "unix:" + (folder_ / "s");
  auto first = Start({unix_address, "127.0.0.1:0"});
  ASSERT_TRUE(first.ok());
  const std::string tcp_address = (*first)->addresses()[1];
  EXPECT_TRUE(Answers(tcp_address));
  (*first)->Shutdown();
  const auto second = Start({unix_address, tcp_address});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(Answers(unix_address));
  EXPECT_TRUE(Answers(tcp_address));
}

class DescriptorLimitTest : public ManyAddressesTest {
 protected:
  // A server that is started with so many descriptors in all.
  void StartWithLimit(rlim_t descriptors) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit limit = before;
    limit.rlim_cur = descriptors;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    auto server = Start({"unix:" + path_});
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // Whether it serves a connection when all descriptors below `first` are in use, so that
  // the connection's is at least that. gRPC's first bytes come without being asked for.
  bool Serves(int first) const {
    std::vector<FileDescriptor> others;
    while (others.empty() || others.back().get() < first) {
      others.emplace_back(dup(STDERR_FILENO));
      if (!others.back().valid()) ADD_FAILURE() << "out of descriptors";
      if (!others.back().valid()) return false;
    }
    const FileDescriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    path_.copy(name.sun_path, sizeof(name.sun_path) - 1);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const auto* address = reinterpret_cast<const sockaddr*>(&name);
    EXPECT_EQ(connect(client.get(), address, sizeof(name)), 0);
    char byte = 0;
    return read(client.get(), &byte, 1) == 1;
  }

  const std::string path_ = folder_ / "s";
  std::unique_ptr<GrpcServer> server_;
};

TEST_F(DescriptorLimitTest, ConnectionsLeave64ToTheRest) {
  StartWithLimit(800);
  // In this order, because a connection that is served may be closed late, and its
  // descriptor below the limit would be free for the next.
  EXPECT_FALSE(Serves(736));
  EXPECT_TRUE(Serves(700));
}

TEST_F(DescriptorLimitTest, OfFewTheyLeaveAQuarter) {
  StartWithLimit(160);
  EXPECT_FALSE(Serves(120));
  EXPECT_TRUE(Serves(100));
}

// Waits in the queue, health watches, reflection streams and idle connections:
// none of them holds up the end. (It is the test's time limit that checks it.)
TEST(ShutdownTest, EndsWhateverIsOpen) {
  auto server = std::make_unique<TestServer>();
  const auto channel = server->NewChannel();
  const auto idle = server->NewChannel();
  EXPECT_EQ(Health(idle, ""), kServing);
  const auto stub = v1::LockService::NewStub(channel);
  std::vector<std::thread> callers;
  for (int i = 0; i < 10; ++i) {
    callers.emplace_back([&stub, i] {
      grpc::ClientContext context;
      v1::AcquireRequest request;
      request.set_key("k");
      request.set_lease_id("0123456789abcdef" + std::to_string(i));
      const auto reader = stub->Wait(&context, request);
      v1::WaitEvent event;
      while (reader->Read(&event)) {
      }
    });
  }
  callers.emplace_back([&] { RawCall(channel, "/grpc.health.v1.Health/Watch", ""); });
  while (server->engine().stats().waiters < 9) std::this_thread::yield();
  server.reset();
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace holdfast
