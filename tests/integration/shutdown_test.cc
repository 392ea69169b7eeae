// SIGTERM and SIGINT: everybody who waits is told, holders keep their leases,
// and the server is gone within ten seconds, whatever its clients do.

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/child_process.h"
#include "tests/support/client_process.h"
#include "tests/support/eventually.h"
#include "tests/support/health.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

// What is promised.
constexpr std::chrono::seconds kShutdownLimit(10);
constexpr ExitStatus kCleanExit{.code = ToInt(ExitCode::kOk)};

TEST(ShutdownTest, TellsAThousandWaitersAndKeepsTheHoldersLease) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  constexpr int kConnections = 10;
  constexpr int kWaiters = 1000;
  std::vector<std::unique_ptr<StubClient>> clients;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<StubClient>(server.address()));
  }
  const AcquireArgs holder{.key = "k", .lease_id = Id("holder"), .expire = std::chrono::minutes(1)};
  const auto held = clients[0]->Acquire(holder);
  ASSERT_TRUE(held.ok()) << held.status;
  std::vector<std::unique_ptr<WaitCall>> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.push_back(std::make_unique<WaitCall>(
        *clients[i % kConnections], AcquireArgs{.key = "k", .lease_id = Id("waiter", i)}));
  }
  for (const auto& waiter : waiters) ASSERT_TRUE(waiter->AwaitQueued());

  EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
  for (const auto& waiter : waiters) {
    const CallStatus status = waiter->AwaitEnd();
    ASSERT_EQ(status.code, grpc::StatusCode::UNAVAILABLE) << status;
    ASSERT_EQ(status.reason, "SERVER_STOPPING") << status;
    ASSERT_TRUE(status.has_retry_info);
  }

  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  const auto again = client.Acquire(holder);
  ASSERT_TRUE(again.ok()) << again.status;
  EXPECT_EQ(again.response.fencing_token(), held.response.fencing_token());
  WaitCall returned(client, {.key = "k", .lease_id = Id("waiter", 0)});
  EXPECT_TRUE(returned.AwaitQueued()) << returned.AwaitEnd();
}

TEST(ShutdownTest, WaitingAcquiresAreToldToo) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient holder(server.address());
  ASSERT_TRUE(holder.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  StubClient client(server.address());
  std::thread waiting([&] {
    const auto refused =
        client.Acquire({.key = "k", .lease_id = Id("waiter"), .timeout = std::chrono::minutes(1)});
    EXPECT_EQ(refused.status.code, grpc::StatusCode::UNAVAILABLE) << refused.status;
    EXPECT_EQ(refused.status.reason, "SERVER_STOPPING") << refused.status;
  });
  EXPECT_TRUE(Eventually([&] { return holder.Get("k").response.queue_length() == 1; }));
  EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
  waiting.join();
}

TEST(ShutdownTest, HealthSaysNotServingBeforeTheEnd) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  HealthWatch health(client.channel());
  ASSERT_TRUE(health.Await(Health::kServing, kWaitLimit));
  server.Signal(SIGTERM);
  EXPECT_TRUE(health.Await(Health::kNotServing, kWaitLimit));
  EXPECT_EQ(server.WaitForExit(kShutdownLimit), kCleanExit) << server.Log();
}

TEST(ShutdownTest, InterruptIsTheSameAsTerminate) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  server.Signal(SIGINT);
  EXPECT_EQ(server.WaitForExit(kShutdownLimit), kCleanExit) << server.Log();
}

// Whose default is to end the process, and to leave its socket behind.
TEST(ShutdownTest, OtherSignalsChangeNothing) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  // A SIGHUP reads again what there is none of here.
  for (const auto& [signal, name] : {std::pair{SIGHUP, "SIGHUP"}, std::pair{SIGUSR1, "SIGUSR1"},
                                     std::pair{SIGUSR2, "SIGUSR2"}}) {
    server.Signal(signal);
    EXPECT_TRUE(Eventually([&] {
      return server.Log().find(std::string("signal=") + name) != std::string::npos;
    })) << name;
    EXPECT_EQ(server.WaitForExit(std::chrono::milliseconds(0)), std::nullopt) << name;
    EXPECT_TRUE(client.Acquire({.key = name, .lease_id = Id(name)}).ok()) << name;
  }
  EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
  EXPECT_FALSE(std::filesystem::exists(server.address().substr(5))) << "the socket is gone";
}

// The next file to be opened would get the number of standard error, and the log with it.
TEST(ShutdownTest, ClosedStandardStreamsAreNotTakenByFiles) {
  ServerProcess server({.flags = {"--log-level=debug"},
                        .launcher = {"/bin/sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  ASSERT_TRUE(StubClient(server.address()).Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  const std::string open_files = "/proc/" + std::to_string(server.pid()) + "/fd/";
  for (const char* stream : {"0", "1", "2"}) {
    EXPECT_EQ(std::filesystem::read_symlink(open_files + stream), "/dev/null") << stream;
  }
  std::string pid;
  std::ifstream(server.data_dir() + "/LOCK") >> pid;
  EXPECT_EQ(pid, std::to_string(server.pid()));
  EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit);
}

TEST(ShutdownTest, IdleConnectionsAndClientsThatDoNotReadDoNotHoldItUp) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient idle(server.address());
  ASSERT_TRUE(idle.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  ClientProcess stopped(server.address());
  stopped.WriteLine("wait k " + Id("stopped") + " 60000");
  ASSERT_EQ(stopped.ReadLine(), "queued 1");
  stopped.Stop();

  EXPECT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
}

TEST(ShutdownTest, StartsAgainAtOnce) {
  ServerProcess server;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(server.Start(), absl::OkStatus());
    ASSERT_EQ(server.Terminate(kShutdownLimit), kCleanExit) << server.Log();
  }
}

}  // namespace
}  // namespace holdfast
