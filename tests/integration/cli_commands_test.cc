// The commands of `holdfast` beside `run`, as people see them.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
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
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using cli::ExitCode;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class CliCommandsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  CliResult Do(std::vector<std::string> arguments) {
    return CliProgram(std::move(arguments), server_).Finish();
  }

  int CodeOf(std::vector<std::string> arguments) { return Do(std::move(arguments)).status.code; }

  ServerProcess server_;
  StubClient client_{server_.address()};
};

TEST_F(CliCommandsTest, AcquireLeavesTheLockHeldAndReleaseGivesItBack) {
  const CliResult taken = Do({"acquire", "k", "--expire", "10m", "--tag", "t"});
  ASSERT_EQ(taken.status.code, 0) << taken;
  std::istringstream words(taken.out);
  std::string lease;
  std::uint64_t token = 0;
  words >> lease >> token;
  const v1::Lock lock = client_.Get("k").response;
  ASSERT_EQ(lock.holders_size(), 1);
  EXPECT_EQ(lock.holders(0).fencing_token(), token);
  EXPECT_EQ(lock.holders(0).expire().seconds(), 600);
  EXPECT_EQ(lock.holders(0).tags(0), "t");
  // Who has called it: this very test.
  EXPECT_THAT(lock.holders(0).owner(),
              MatchesRegex("cli_commands_te.*:" + std::to_string(getpid())));

  EXPECT_EQ(CodeOf({"renew", "k", lease, "--expire", "20m"}), 0);
  EXPECT_EQ(client_.Get("k").response.holders(0).expire().seconds(), 1200);
  EXPECT_EQ(CodeOf({"release", "k", lease}), 0);
  EXPECT_EQ(client_.Get("k").response.holders_size(), 0);
  // Once more is no error; a renewal is.
  EXPECT_EQ(CodeOf({"release", "k", lease}), 0);
  EXPECT_EQ(CodeOf({"renew", "k", lease}), ToInt(ExitCode::kLost));
}

TEST_F(CliCommandsTest, LeaseThatHasExpiredIsLostToRenewAndRelease) {
  ASSERT_TRUE(
      client_.Acquire({.key = "k", .lease_id = Id("l"), .expire = std::chrono::milliseconds(1)})
          .ok());
  ASSERT_TRUE(Eventually([&] { return client_.Get("k").response.holders().empty(); }));
  const CliResult renewed = Do({"renew", "k", Id("l")});
  EXPECT_EQ(renewed.status.code, ToInt(ExitCode::kLost));
  EXPECT_THAT(renewed.err, HasSubstr("has expired"));
  EXPECT_EQ(CodeOf({"release", "k", Id("l")}), ToInt(ExitCode::kLost));
  EXPECT_EQ(CodeOf({"release", "k", Id("unknown")}), ToInt(ExitCode::kLost));
}

TEST_F(CliCommandsTest, AcquireOfAHeldLockFailsOrWaits) {
  ASSERT_EQ(CodeOf({"acquire", "k", "--forever"}), 0);
  EXPECT_FALSE(client_.Get("k").response.holders(0).has_expire());
  const CliResult refused = Do({"acquire", "k", "--forever", "--timeout", "0s"});
  EXPECT_EQ(refused.status.code, ToInt(ExitCode::kNotAcquired)) << refused;
  EXPECT_EQ(refused.out, "");

  CliProgram waiting({"acquire", "k", "--expire", "1m"}, server_);
  ASSERT_TRUE(Eventually([&] { return client_.Get("k").response.queue_length() == 1; }));
  waiting.Signal(SIGINT);
  EXPECT_EQ(waiting.Finish().status.code, 128 + SIGINT);
  EXPECT_TRUE(Eventually([&] { return client_.Get("k").response.queue_length() == 0; }));
}

TEST_F(CliCommandsTest, LockThatIsNotAcquiredEndsWithTheCodeOfOnesOwn) {
  ASSERT_EQ(CodeOf({"acquire", "k", "--forever"}), 0);
  const CliResult refused = Do({"acquire", "k", "--forever", "-n", "-E", "75"});
  EXPECT_EQ(refused.status.code, 75);
  EXPECT_THAT(refused.err, HasSubstr("not acquired: "));
  const CliResult quiet = Do({"run", "-q", "-E", "0", "-w", "0.1", "k", "echo", "ran"});
  EXPECT_EQ(quiet.status.code, 0);
  EXPECT_EQ(quiet.out + quiet.err, "");
  // It is for that alone.
  EXPECT_EQ(CodeOf({"run", "-E", "75", "free", "false"}), 1);
  EXPECT_EQ(CodeOf({"run", "-qE", "75", std::string(513, 'k'), "true"}), ToInt(ExitCode::kUsage));
}

TEST_F(CliCommandsTest, WaitingIsNotToldToALog) {
  ASSERT_EQ(CodeOf({"acquire", "k", "--forever"}), 0);
  CliProgram waiting({"run", "k", "true"}, server_);
  ASSERT_TRUE(Eventually([&] { return client_.Get("k").response.queue_length() == 1; }));
  waiting.Signal(SIGINT);
  EXPECT_EQ(waiting.Finish().err, "");
}

TEST_F(CliCommandsTest, CompletionKnowsTheKeys) {
  ASSERT_TRUE(client_.Acquire({.key = "reports/a", .lease_id = Id("a"), .owner = "me"}).ok());
  ASSERT_TRUE(client_.Acquire({.key = "reports/\n", .lease_id = Id("b")}).ok());
  ASSERT_TRUE(client_.Acquire({.key = "other", .lease_id = Id("c")}).ok());
  const auto complete = [this](const std::string& command) {
    const auto child =
        ChildProcess::Start({.argv = {Runfile("clients/cli/holdfast"), "__complete", command,
                                      "--address=" + server_.address(), "rep"},
                             .talk = true});
    EXPECT_TRUE(child.ok());
    std::vector<std::string> lines;
    while (const auto line = (*child)->ReadLine(kWaitLimit)) lines.push_back(*line);
    return lines;
  };
  // A key that cannot be written as it is is left out.
  EXPECT_THAT(complete("show"), testing::ElementsAre("reports/a\theld by me"));
  server_.Kill9();
  EXPECT_THAT(complete("show"), testing::IsEmpty());
}

TEST_F(CliCommandsTest, AcquireThatCannotSayWhatItGotGivesItBack) {
  const std::string acquire = Runfile("clients/cli/holdfast") +
                              " acquire k --forever --address=" + server_.address() +
                              " 2> /dev/null";
  const std::string fifo = testing::TempDir() + "/nobody-reads";
  // /dev/full takes nothing, nor does a pipe that nobody reads.
  for (const std::string& script :
       {acquire + " > /dev/full",
        "mkfifo " + fifo + " && exec 3<>" + fifo + " 4>" + fifo + " 3<&- && " + acquire + " >&4"}) {
    const auto child = ChildProcess::Start({.argv = {"/bin/sh", "-c", script}});
    ASSERT_TRUE(child.ok());
    const auto status = (*child)->WaitForExit(kWaitLimit);
    ASSERT_TRUE(status.has_value());
    EXPECT_EQ(status->code, ToInt(ExitCode::kFailed)) << script;
    EXPECT_TRUE(client_.Get("k").response.holders().empty()) << script;
  }
}

TEST_F(CliCommandsTest, LsShowsWhatMatchesInColumns) {
  EXPECT_EQ(Do({"ls"}).out, "");
  ASSERT_TRUE(client_
                  .Acquire({.key = "reports/a",
                            .lease_id = Id("a"),
                            .expire = minutes(10),
                            .tags = {"eu", "nightly"},
                            .owner = "me@here:1"})
                  .ok());
  ASSERT_TRUE(client_
                  .Acquire({.key = "reports/longer-name",
                            .lease_id = Id("b"),
                            .tags = {"eu"},
                            .owner = "you@there:22"})
                  .ok());
  ASSERT_TRUE(client_.Acquire({.key = "other", .lease_id = Id("c")}).ok());

  const CliResult listed = Do({"ls", "--prefix", "reports/"});
  EXPECT_EQ(listed.status.code, 0);
  EXPECT_THAT(listed.out,
              testing::ContainsRegex("^KEY +HOLDER +TOKEN +HELD +EXPIRES +WAITING +TAGS\n"));
  EXPECT_THAT(listed.out, testing::ContainsRegex("\nreports/a            me@here:1     [0-9]+ "
                                                 "+[0-9.]+m?s +in 9m[0-9]+s +0 +eu,nightly\n"));
  EXPECT_THAT(
      listed.out,
      testing::ContainsRegex(
          "\nreports/longer-name  you@there:22  [0-9]+ +[0-9.]+m?s +when released +0 +eu\n"));
  EXPECT_THAT(listed.out, Not(HasSubstr("other")));
  EXPECT_THAT(Do({"ls", "--tag", "nightly", "--tag", "eu"}).out, Not(HasSubstr("longer-name")));
}

TEST_F(CliCommandsTest, LsTurnsEveryPage) {
  for (int i = 0; i < 1005; ++i) {
    ASSERT_TRUE(client_.Acquire({.key = "k" + std::to_string(i), .lease_id = Id("l", i)}).ok());
  }
  const std::string out = Do({"ls"}).out;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1006);
}

TEST_F(CliCommandsTest, OwnerCannotForgeLinesOrDriveTheTerminal) {
  ASSERT_TRUE(client_
                  .Acquire({.key = "k\x1b]0;title\x07",
                            .lease_id = Id("a"),
                            .owner = "me\nforged  root@db:1\x1b[1A"})
                  .ok());
  for (const bool show : {false, true}) {
    std::vector<std::string> arguments = {show ? "show" : "ls"};
    if (show) arguments.emplace_back("k\x1b]0;title\x07");
    const std::string out = Do(arguments).out;
    EXPECT_THAT(out, HasSubstr("me\\nforged"));
    EXPECT_EQ(out.find('\x1b'), std::string::npos);
    EXPECT_EQ(out.find('\x07'), std::string::npos);
  }
}

TEST_F(CliCommandsTest, ShowTellsTheHolderAndTheQueueInOrder) {
  ASSERT_TRUE(client_
                  .Acquire({.key = "k",
                            .lease_id = Id("a"),
                            .expire = minutes(10),
                            .tags = {"t"},
                            .owner = "me@here:1"})
                  .ok());
  WaitCall first(client_, {.key = "k", .lease_id = Id("b"), .owner = "first@waiter:2"});
  ASSERT_TRUE(first.AwaitQueued());
  WaitCall second(client_, {.key = "k", .lease_id = Id("c"), .owner = "second@waiter:3"});
  ASSERT_TRUE(second.AwaitQueued());
  const CliResult shown = Do({"show", "k"});
  EXPECT_EQ(shown.status.code, 0);
  EXPECT_THAT(shown.out, MatchesRegex("k\n"
                                      "  held by  me@here:1\n"
                                      "  token    [0-9]+\n"
                                      "  since    [-0-9]+ [0-9:]+ \\([0-9.]+m?s\\)\n"
                                      "  expires  in 9m[0-9]+s, of 10m00s\n"
                                      "  tags     t\n"
                                      "  waiting  2\n"
                                      "\n"
                                      "  POSITION  OWNER            WAITING +TAGS\n"
                                      "  1         first@waiter:2   [0-9.]+m?s +-\n"
                                      "  2         second@waiter:3  [0-9.]+m?s +-\n"));
}

TEST_F(CliCommandsTest, ShowOfAFreeLockIsNoError) {
  const CliResult shown = Do({"show", "free"});
  EXPECT_EQ(shown.status.code, 0);
  EXPECT_EQ(shown.out, "free\n  free\n  waiting  nobody\n");
}

TEST_F(CliCommandsTest, WatchTellsWhatIsHeldAndWhatHappensNext) {
  ASSERT_TRUE(client_.Acquire({.key = "a/held", .lease_id = Id("a"), .owner = "me@here:1"}).ok());
  CliProgram watch({"watch", "--prefix", "a/"}, server_);
  EXPECT_THAT(watch.ReadLine(),
              MatchesRegex("[-0-9]+ [0-9:]+  held      a/held  me@here:1  token [0-9]+"));
  ASSERT_TRUE(client_.Acquire({.key = "b/other", .lease_id = Id("o")}).ok());
  ASSERT_TRUE(client_.Release("a/held", Id("a")).ok());
  EXPECT_THAT(watch.ReadLine(), HasSubstr("  released  a/held  me@here:1  token"));
  ASSERT_TRUE(
      client_
          .Acquire(
              {.key = "a/b", .lease_id = Id("b"), .expire = std::chrono::seconds(1), .tags = {"t"}})
          .ok());
  EXPECT_THAT(watch.ReadLine(),
              MatchesRegex(".*  granted   a/b  -  token [0-9]+  expire 1.0s  tags t"));
  EXPECT_THAT(watch.ReadLine(), HasSubstr("  expired   a/b"));
  watch.Signal(SIGINT);
  EXPECT_EQ(watch.Finish().status.signal, SIGINT);
}

TEST_F(CliCommandsTest, WatchEndsWhenTheServerDoes) {
  CliProgram watch({"watch"}, server_);
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("a")}).ok());
  EXPECT_THAT(watch.ReadLine(), HasSubstr("  k  "));
  server_.Kill9();
  EXPECT_EQ(watch.Finish().status.code, ToInt(ExitCode::kUnreachable));
}

TEST_F(CliCommandsTest, ForceReleaseShowsWhomItHit) {
  ASSERT_TRUE(
      client_.Acquire({.key = "k", .lease_id = Id("a"), .tags = {"t"}, .owner = "me@here:1"}).ok());
  const CliResult forced = Do({"force-release", "k"});
  EXPECT_EQ(forced.status.code, 0) << forced;
  EXPECT_THAT(
      forced.out,
      MatchesRegex("KEY +HOLDER +TOKEN +HELD +TAGS\nk +me@here:1 +[0-9]+ +[0-9.]+m?s +t\n"));
  EXPECT_TRUE(client_.Get("k").response.holders().empty());
  EXPECT_EQ(client_.Renew("k", Id("a")).status.reason, "LEASE_FORCED");
  const CliResult again = Do({"force-release", "k"});
  EXPECT_EQ(again.status.code, ToInt(ExitCode::kNotHeld));
  EXPECT_THAT(again.err, HasSubstr("nobody holds the lock"));
}

TEST_F(CliCommandsTest, ForceReleaseWithATokenHitsThatLeaseOrNone) {
  const auto token = client_.Acquire({.key = "k", .lease_id = Id("a"), .owner = "me@here:1"})
                         .response.fencing_token();
  const CliResult other = Do({"force-release", "k", "--token", std::to_string(token + 1)});
  EXPECT_EQ(other.status.code, ToInt(ExitCode::kNotHeld));
  EXPECT_THAT(other.err, HasSubstr("held by \"me@here:1\""));
  EXPECT_EQ(client_.Get("k").response.holders_size(), 1);
  EXPECT_EQ(CodeOf({"force-release", "k", "--token", std::to_string(token)}), 0);
  EXPECT_TRUE(client_.Get("k").response.holders().empty());
}

TEST_F(CliCommandsTest, ReleaseByTagCanBeTriedAndThenHitsNothingNewer) {
  ASSERT_TRUE(
      client_.Acquire({.key = "a", .lease_id = Id("a"), .tags = {"t", "u"}, .owner = "me"}).ok());
  ASSERT_TRUE(client_.Acquire({.key = "b", .lease_id = Id("b"), .tags = {"t"}}).ok());
  const CliResult tried = Do({"release-by-tag", "t", "u", "--dry-run"});
  EXPECT_EQ(tried.status.code, 0) << tried;
  EXPECT_THAT(tried.out,
              MatchesRegex("KEY +HOLDER.*\na +me .*\n1 lease to end; .*: --max-token [0-9]+\n"));
  EXPECT_EQ(client_.Get("a").response.holders_size(), 1);

  ASSERT_TRUE(client_.Acquire({.key = "c", .lease_id = Id("c"), .tags = {"t", "u"}}).ok());
  const std::string max_token =
      tried.out.substr(tried.out.rfind(' ') + 1, tried.out.size() - tried.out.rfind(' ') - 2);
  const CliResult ended = Do({"release-by-tag", "t", "u", "--max-token", max_token});
  EXPECT_THAT(ended.out, HasSubstr("1 lease ended\n"));
  EXPECT_TRUE(client_.Get("a").response.holders().empty());
  EXPECT_EQ(client_.Get("b").response.holders_size(), 1);
  EXPECT_EQ(client_.Get("c").response.holders_size(), 1);
  EXPECT_THAT(Do({"release-by-tag", "t"}).out, HasSubstr("2 leases ended\n"));
  EXPECT_EQ(Do({"release-by-tag", "t"}).out, "0 leases ended\n");
}

TEST_F(CliCommandsTest, ServerThatRestartsIsWaitedFor) {
  server_.Kill9();
  CliProgram show({"show", "k", "--server-timeout", "30s"}, server_);
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(show.Finish().status.code, 0);
}

TEST_F(CliCommandsTest, UnreachableServerHasItsExitCode) {
  server_.Kill9();
  const std::vector<std::vector<std::string>> commands = {
      {"ls"},
      {"show", "k"},
      {"watch"},
      {"acquire", "k", "--forever"},
      {"renew", "k", Id("a")},
      {"release", "k", Id("a")},
      {"force-release", "k"},
      {"release-by-tag", "t"},
  };
  for (const std::vector<std::string>& arguments : commands) {
    std::vector<std::string> with_limit = arguments;
    with_limit.insert(with_limit.end(), {"--server-timeout", "100ms"});
    const CliResult result = Do(with_limit);
    EXPECT_EQ(result.status.code, ToInt(ExitCode::kUnreachable)) << arguments.front() << result;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result;
  }
}

TEST(CliVersionTest, IsTheServers) {
  const auto version = [](const std::string& program) {
    const auto child = ChildProcess::Start({.argv = {Runfile(program), "--version"}, .talk = true});
    EXPECT_TRUE(child.ok());
    const std::string line = (*child)->ReadLine(kWaitLimit).value_or("");
    return line.substr(line.find(' '));
  };
  EXPECT_EQ(version("clients/cli/holdfast"), version("services/lock/main/holdfastd"));
}

}  // namespace
}  // namespace holdfast
