// Whoever waits for a lock waits for those who hold it, and not for a server that is gone.

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "clients/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/cli_program.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using cli::ExitCode;
using testing::HasSubstr;

class CliServerGoneTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  bool AwaitWaiters(unsigned count) {
    return Eventually([&] { return client_.Get("k").response.queue_length() == count; });
  }

  // "/path" of "unix:/path".
  std::string Socket() const { return server_.address().substr(server_.address().find(':') + 1); }

  ServerProcess server_;
  StubClient client_{server_.address()};
};

// Without --timeout, they wait for as long as it takes.
TEST_F(CliServerGoneTest, WhoWaitsIsToldWhenTheServerStaysAway) {
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("a")}).ok());
  CliProgram acquire({"acquire", "k", "--forever", "--server-timeout", "300ms"}, server_);
  CliProgram run({"run", "k", "--server-timeout", "300ms", "true"}, server_);
  CliProgram limited({"run", "-w", "1h", "k", "--server-timeout", "300ms", "true"}, server_);
  ASSERT_TRUE(AwaitWaiters(3));
  server_.Kill9();
  for (CliProgram* program : {&acquire, &run, &limited}) {
    const CliResult result = program->Finish();
    EXPECT_EQ(result.status.code, ToInt(ExitCode::kUnreachable)) << result;
    EXPECT_THAT(result.err, HasSubstr(server_.address())) << result;
    EXPECT_THAT(result.err, HasSubstr("is holdfastd running?")) << result;
  }
}

TEST_F(CliServerGoneTest, WhoWaitsGoesOnWaitingWhenTheServerComesBack) {
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("a")}).ok());
  CliProgram run({"run", "k", "--server-timeout", "60s", "echo", "ran"}, server_);
  ASSERT_TRUE(AwaitWaiters(1));
  server_.Kill9();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  ASSERT_TRUE(AwaitWaiters(1));
  ASSERT_TRUE(client_.Release("k", Id("a")).ok());
  const CliResult result = run.Finish();
  EXPECT_EQ(result.status.code, 0) << result;
  EXPECT_EQ(result.out, "ran\n");
}

TEST_F(CliServerGoneTest, SocketThatMayNotBeUsedIsToldAtOnce) {
  ASSERT_EQ(chmod(Socket().c_str(), 0), 0);
  // The superuser may do everything, unless that is taken away.
  const std::vector<std::string> unprivileged = {"/usr/bin/setpriv",
                                                 "--bounding-set=-dac_override,-dac_read_search",
                                                 "--inh-caps=-dac_override,-dac_read_search"};
  const std::vector<std::vector<std::string>> commands = {
      {"acquire", "k", "--forever"}, {"run", "k", "true"}, {"ls"}};
  for (const std::vector<std::string>& command : commands) {
    std::vector<std::string> argv;
    if (geteuid() == 0) argv = unprivileged;
    argv.push_back(Runfile("clients/cli/holdfast"));
    argv.insert(argv.end(), command.begin(), command.end());
    // Far longer than this test would wait.
    argv.insert(argv.begin() + static_cast<std::ptrdiff_t>(argv.size() - command.size() + 1),
                {"--address=" + server_.address(), "--server-timeout=1h"});
    const auto child = ChildProcess::Start({.argv = argv});
    ASSERT_TRUE(child.ok());
    const auto status = (*child)->WaitForExit(kWaitLimit);
    ASSERT_TRUE(status.has_value()) << command.front();
    EXPECT_EQ(status->code, ToInt(ExitCode::kFailed)) << command.front();
  }
}

}  // namespace
}  // namespace holdfast
