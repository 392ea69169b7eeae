// A server whose records take long to load: it says so, and can be stopped meanwhile.
//
// The disk is made to hang by a named pipe in the place of the database's file
// CURRENT: to open it for reading takes until somebody opens it for writing.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/eventually.h"
#include "tests/support/health.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::seconds kShutdownLimit(10);
constexpr ExitStatus kCleanExit{.code = ToInt(ExitCode::kOk)};

class LoadingTest : public testing::Test {
 protected:
  // Leaves a lease behind, and starts a server that hangs while it loads it.
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    ASSERT_TRUE(StubClient(server_.address()).Acquire(lease_).ok());
    ASSERT_EQ(server_.Terminate(kShutdownLimit), kCleanExit) << server_.Log();
    log_before_ = server_.Log().size();
    std::filesystem::rename(current_, set_aside_);
    ASSERT_EQ(mkfifo(current_.c_str(), 0600), 0);
    ASSERT_EQ(server_.Launch(), absl::OkStatus());
    client_ = std::make_unique<StubClient>(server_.address());
  }

  // A request that reached the server while it loads.
  CallStatus AskWhileLoading() { return client_->Get("k").status; }

  // Lets the disk go on.
  void LetLoad() {
    std::ifstream file(set_aside_, std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    const std::string pipe = current_ + ".pipe";
    std::filesystem::rename(current_, pipe);
    std::filesystem::rename(set_aside_, current_);
    // Whoever has begun to open the pipe reads this; the file is there for the next.
    const int fd = open(pipe.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    close(fd);
    std::filesystem::remove(pipe);
  }

  // What the second server has written.
  std::string Log() { return server_.Log().substr(log_before_); }

  ServerProcess server_;
  const AcquireArgs lease_{.key = "k", .lease_id = Id("holder"), .expire = std::chrono::minutes(1)};
  const std::string current_ = server_.data_dir() + "/db/CURRENT";
  const std::string set_aside_ = server_.data_dir() + "/db/CURRENT.aside";
  std::size_t log_before_ = 0;
  std::unique_ptr<StubClient> client_;
};

TEST_F(LoadingTest, HealthSaysNotServingAndCallersAreToldToTryAgain) {
  const CallStatus status = AskWhileLoading();
  EXPECT_EQ(status.code, grpc::StatusCode::UNAVAILABLE) << status;
  EXPECT_EQ(status.reason, "SERVER_STARTING") << status;
  EXPECT_TRUE(status.has_retry_info);
  EXPECT_EQ(AskHealth(client_->channel(), "", kWaitLimit), Health::kNotServing);
  HealthWatch health(client_->channel());
  EXPECT_TRUE(health.Await(Health::kNotServing, kWaitLimit));

  ASSERT_NO_FATAL_FAILURE(LetLoad());
  EXPECT_TRUE(health.Await(Health::kServing, kWaitLimit));
  EXPECT_EQ(client_->Get("k").response.holders_size(), 1);
}

TEST_F(LoadingTest, ASignalDoesNotWaitForTheLoad) {
  ASSERT_EQ(AskWhileLoading().reason, "SERVER_STARTING");
  EXPECT_EQ(server_.Terminate(kShutdownLimit), kCleanExit) << Log();
  EXPECT_THAT(Log(), HasSubstr("stopped"));
  EXPECT_THAT(Log(), Not(HasSubstr("serving")));
  EXPECT_FALSE(std::filesystem::exists(server_.address().substr(5))) << "the socket is gone";

  std::filesystem::rename(set_aside_, current_);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_TRUE(StubClient(server_.address()).Acquire(lease_).ok()) << "nothing was lost";
}

// It is the one by which the end of the load is told within the process.
TEST_F(LoadingTest, AForeignSignalIsNotTakenForTheEndOfTheLoad) {
  ASSERT_EQ(AskWhileLoading().reason, "SERVER_STARTING");
  server_.Signal(SIGUSR1);
  EXPECT_TRUE(Eventually([&] { return Log().find("signal=SIGUSR1") != std::string::npos; }));
  EXPECT_EQ(server_.Terminate(kShutdownLimit), kCleanExit) << Log();
}

TEST_F(LoadingTest, AForeignSignalDoesNotHideTheEndOfTheLoad) {
  ASSERT_EQ(AskWhileLoading().reason, "SERVER_STARTING");
  HealthWatch health(client_->channel());
  ASSERT_TRUE(health.Await(Health::kNotServing, kWaitLimit));
  server_.Signal(SIGUSR1);
  ASSERT_NO_FATAL_FAILURE(LetLoad());
  EXPECT_TRUE(health.Await(Health::kServing, kWaitLimit));
}

}  // namespace
}  // namespace holdfast
