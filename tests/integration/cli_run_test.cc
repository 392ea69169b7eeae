// holdfast run, when nothing goes wrong: what the command sees, and what comes through.

#include <signal.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "clients/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/cli_program.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using cli::ExitCode;
using testing::HasSubstr;
using testing::MatchesRegex;

class CliRunTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  CliProgram Run(const std::string& script, std::vector<std::string> options = {}) {
    std::vector<std::string> arguments = {"run", "k"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--", "sh", "-c", script});
    return CliProgram(arguments, server_);
  }

  bool Held() { return client_.Get("k").response.holders_size() == 1; }

  ServerProcess server_;
  StubClient client_{server_.address()};
};

TEST_F(CliRunTest, CommandRunsUnderTheLockWithTheTokenInItsEnvironment) {
  CliProgram run = Run("echo $HOLDFAST_KEY $HOLDFAST_TOKEN $HOLDFAST_ADDRESS; read line",
                       {"--tag", "b", "--tag", "a", "--expire", "1m"});
  const std::string line = run.ReadLine();
  const v1::Lock lock = client_.Get("k").response;
  ASSERT_EQ(lock.holders_size(), 1);
  EXPECT_EQ(line, "k " + std::to_string(lock.holders(0).fencing_token()) + " " + server_.address());
  EXPECT_THAT(lock.holders(0).tags(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(lock.holders(0).expire().seconds(), 60);
  // The command, and the process to kill if it is to end.
  EXPECT_THAT(lock.holders(0).owner(), MatchesRegex("sh@.*:" + std::to_string(run.pid())));
  run.WriteLine("");
  EXPECT_EQ(run.Finish().status.code, 0);
  EXPECT_FALSE(Held());
}

TEST_F(CliRunTest, ExitCodeOfTheCommandComesThrough) {
  for (const int code : {0, 1, 2, 37, 64, 255}) {
    const CliResult result = Run("exit " + std::to_string(code)).Finish();
    EXPECT_EQ(result.status.code, code) << result;
    EXPECT_EQ(result.err, "");
  }
}

TEST_F(CliRunTest, SignalThatEndsTheCommandIsInTheExitCode) {
  EXPECT_EQ(Run("kill -KILL $$").Finish().status.code, 128 + SIGKILL);
  EXPECT_EQ(Run("kill -SEGV $$").Finish().status.code, 128 + SIGSEGV);
  EXPECT_FALSE(Held());
}

TEST_F(CliRunTest, SignalsArePassedOn) {
  const std::vector<std::pair<std::string, int>> signals = {
      {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},  {"TERM", SIGTERM},
      {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"WINCH", SIGWINCH}};
  for (const auto& [name, number] : signals) {
    CliProgram run = Run("trap 'echo got " + name + "; kill $!; exit 5' " + name +
                         "; sleep 1000 & echo ready; wait");
    ASSERT_EQ(run.ReadLine(), "ready");
    run.Signal(number);
    const CliResult result = run.Finish();
    EXPECT_EQ(result.out, "got " + name + "\n");
    EXPECT_EQ(result.status.code, 5) << name;
  }
}

TEST_F(CliRunTest, SignalReachesTheWholeGroup) {
  CliProgram run =
      Run("trap 'wait; exit 6' TERM; "
          "(trap 'echo child; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait");
  ASSERT_EQ(run.ReadLine(), "ready");
  run.Signal(SIGTERM);
  const CliResult result = run.Finish();
  EXPECT_EQ(result.out, "child\n");
  EXPECT_EQ(result.status.code, 6);
}

TEST_F(CliRunTest, CommandThatIgnoresASignalGoesOnUnderTheLock) {
  CliProgram run = Run("trap '' TERM; echo ready; read line; exit 4");
  ASSERT_EQ(run.ReadLine(), "ready");
  run.Signal(SIGTERM);
  EXPECT_TRUE(Held());
  run.WriteLine("");
  EXPECT_EQ(run.Finish().status.code, 4);
}

TEST_F(CliRunTest, CommandIsBornWithoutBlockedOrIgnoredSignals) {
  // Of the classic signals: what lies above them belongs to the C library, and comes
  // from whoever runs this test.
  const CliResult result = Run("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -c18-24").Finish();
  EXPECT_EQ(result.out, "0000000\n0000000\n");
}

TEST_F(CliRunTest, CommandInheritsNoFileDescriptorsOfOurs) {
  const CliResult result = Run("exec ls /proc/self/fd").Finish();
  // The standard streams, and the folder that is being listed.
  EXPECT_EQ(result.out, "0\n1\n2\n3\n");
}

TEST_F(CliRunTest, StandardInputBelongsToTheCommand) {
  CliProgram run = Run("while read line; do echo \"<$line>\"; [ \"$line\" = end ] && exit; done");
  run.WriteLine("one");
  EXPECT_EQ(run.ReadLine(), "<one>");
  run.WriteLine("end");
  EXPECT_EQ(run.Finish().status.code, 0);
}

TEST_F(CliRunTest, LeaseIsRenewedForAsLongAsTheCommandRuns) {
  CliProgram run = Run("echo ready; read line", {"--expire", "2s"});
  ASSERT_EQ(run.ReadLine(), "ready");
  const auto token = client_.Get("k").response.holders(0).fencing_token();
  LetPass(std::chrono::seconds(3));
  ASSERT_TRUE(Held());
  EXPECT_EQ(client_.Get("k").response.holders(0).fencing_token(), token);
  run.WriteLine("");
  EXPECT_EQ(run.Finish().status.code, 0);
}

TEST_F(CliRunTest, WhatTheCommandLeavesBehindIsEndedBeforeTheLockIsGivenBack) {
  CliProgram run =
      Run("sh -c 'trap \"\" TERM; echo $$; exec >&-; while :; do sleep 0.01; done' & "
          "read line; exit 7",
          {"--expire", "2s"});
  const pid_t left_behind = std::stoi(run.ReadLine());
  run.WriteLine("");
  WaitCall next(client_, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitGranted());
  EXPECT_FALSE(Lives(left_behind));
  EXPECT_EQ(run.Finish().status.code, 7);
}

TEST_F(CliRunTest, WhatIsOnItsWayToALogArrives) {
  // A shell does not wait for its last reader.
  CliProgram run = Run("(sleep 0.05; echo late) & exit 0", {"--expire", "1m"});
  const CliResult result = run.Finish();
  EXPECT_EQ(result.out, "late\n");
  EXPECT_EQ(result.status.code, 0);
}

TEST_F(CliRunTest, ProcessThatHasMadeItselfIndependentIsLeftAlone) {
  CliProgram run = Run("setsid sh -c 'echo $$; exec >&- 2>&-; exec sleep 1000' & read line");
  const pid_t daemon = std::stoi(run.ReadLine());
  run.WriteLine("");
  EXPECT_EQ(run.Finish().status.code, 0);
  EXPECT_TRUE(Lives(daemon));
  kill(daemon, SIGKILL);
}

TEST_F(CliRunTest, WaitsInLineAndRunsWhenItIsItsTurn) {
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  CliProgram run = Run("echo $HOLDFAST_TOKEN");
  ASSERT_TRUE(Eventually([&] { return client_.Get("k").response.queue_length() == 1; }));
  const auto before = client_.Get("k").response.holders(0).fencing_token();
  ASSERT_TRUE(client_.Release("k", Id("holder")).ok());
  const CliResult result = run.Finish();
  EXPECT_EQ(result.status.code, 0);
  EXPECT_GT(std::stoull(result.out), before);
}

TEST_F(CliRunTest, SignalWhileItWaitsLeavesTheQueue) {
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("holder")}).ok());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    CliProgram run = Run("echo never");
    ASSERT_TRUE(Eventually([&] { return client_.Get("k").response.queue_length() == 1; }));
    run.Signal(signal);
    const CliResult result = run.Finish();
    EXPECT_EQ(result.status.code, 128 + signal);
    EXPECT_EQ(result.out, "");
    EXPECT_TRUE(Eventually([&] { return client_.Get("k").response.queue_length() == 0; }));
  }
}

TEST_F(CliRunTest, NotAcquiredHasItsExitCodeAndSaysWhoHoldsTheLock) {
  ASSERT_TRUE(
      client_.Acquire({.key = "k", .lease_id = Id("holder"), .owner = "somebody@else"}).ok());
  for (const char* timeout : {"0s", "50ms"}) {
    const CliResult result = Run("echo never", {"--timeout", timeout}).Finish();
    EXPECT_EQ(result.status.code, ToInt(ExitCode::kNotAcquired)) << result;
    EXPECT_THAT(result.err, HasSubstr("somebody@else"));
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(CliRunTest, CommandThatCannotBeStartedGivesTheLockBack) {
  const CliResult missing = CliProgram({"run", "k", "--", "no-such-program"}, server_).Finish();
  EXPECT_EQ(missing.status.code, ToInt(ExitCode::kCommandNotFound));
  EXPECT_THAT(missing.err, HasSubstr("no-such-program: No such file or directory"));
  const CliResult folder = CliProgram({"run", "k", "--", "/etc"}, server_).Finish();
  EXPECT_EQ(folder.status.code, ToInt(ExitCode::kCannotExecute));
  EXPECT_THAT(folder.err, HasSubstr("/etc: Permission denied"));
  EXPECT_FALSE(Held());
}

TEST_F(CliRunTest, WrongUseHasItsExitCodeAndTakesNothing) {
  EXPECT_EQ(CliProgram({"run", "k"}, server_).Finish().status.code, ToInt(ExitCode::kUsage));
  EXPECT_EQ(Run("true", {"--expire", "0.5"}).Finish().status.code, ToInt(ExitCode::kUsage));
  // What only the server knows to be wrong.
  const CliResult long_key =
      CliProgram({"run", std::string(513, 'k'), "--", "true"}, server_).Finish();
  EXPECT_EQ(long_key.status.code, ToInt(ExitCode::kUsage)) << long_key;
  EXPECT_EQ(CliProgram({"run", "k", "--", "true"}, "no address").Finish().status.code,
            ToInt(ExitCode::kUsage));
}

TEST(CliRunRefusedTest, ServerThatRefusesHasItsExitCode) {
  ServerProcess full({.flags = {"--max-leases=1"}});
  ASSERT_EQ(full.Start(), absl::OkStatus());
  ASSERT_TRUE(StubClient(full.address()).Acquire({.key = "other", .lease_id = Id("other")}).ok());
  const CliResult result = CliProgram({"run", "k", "--", "echo", "never"}, full).Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kFailed)) << result;
  EXPECT_THAT(result.err, HasSubstr("max-leases"));
  EXPECT_EQ(result.out, "");
}

TEST_F(CliRunTest, UnreachableServerHasItsExitCodeHoweverLongItMayWait) {
  const CliResult result =
      CliProgram({"run", "k", "--server-timeout", "200ms", "--", "echo", "never"},
                 "unix:/tmp/no-such-folder/socket")
          .Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kUnreachable)) << result;
  EXPECT_EQ(result.out, "");
}

}  // namespace
}  // namespace holdfast
