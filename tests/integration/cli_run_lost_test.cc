// holdfast run, when something goes wrong. Nothing that the command has started, however
// deep and however deaf, runs when the lease may have gone to somebody else.

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "clients/cli/exit_code.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/cli_program.h"
#include "tests/support/acquire_args.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

using cli::ExitCode;
using testing::HasSubstr;

constexpr std::chrono::seconds kExpire(3);

// A family that ignores SIGTERM: the command itself, a child in the background, and an
// orphan with a session of its own. Each writes, again and again, its name, its process
// and the time by the clock that leases are measured by (proc(5): uptime).
constexpr char kFamily[] = R"(#!/bin/sh
trap '' TERM
if [ -z "$2" ]; then
  "$0" "$1" child &
  (setsid "$0" "$1" orphan &)
  exec "$0" "$1" command
fi
while :; do
  read now rest < /proc/uptime
  echo "$2 $$ $now" >> "$1"
  sleep 0.02
done
)";

double Now() {
  double uptime = 0;
  std::ifstream("/proc/uptime") >> uptime;
  return uptime;
}

class CliRunLostTest : public testing::Test {
 protected:
  struct Beat {
    std::string name;
    pid_t process;
    double time;
  };

  CliRunLostTest() : script_(folder_.path() + "/family"), beats_(folder_.path() + "/beats") {
    std::ofstream(script_) << kFamily;
    std::filesystem::permissions(script_, std::filesystem::perms::owner_all);
  }

  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  void TearDown() override {
    for (const pid_t process : Family()) kill(process, SIGKILL);
  }

  // The program, once all of the family run.
  std::unique_ptr<CliProgram> RunFamily(const std::string& expire = "3s") {
    auto run = std::make_unique<CliProgram>(
        std::vector<std::string>{"run", "k", "--expire", expire, "--", script_, beats_}, server_);
    EXPECT_TRUE(Eventually([&] { return Family().size() == 3; })) << run->Errors();
    return run;
  }

  std::vector<Beat> Beats() const {
    std::ifstream file(beats_);
    std::vector<Beat> beats;
    for (Beat beat; file >> beat.name >> beat.process >> beat.time;) beats.push_back(beat);
    return beats;
  }

  std::set<pid_t> Family() const {
    std::set<pid_t> family;
    for (const Beat& beat : Beats()) family.insert(beat.process);
    return family;
  }

  bool FamilyIsGone() const {
    const std::set<pid_t> family = Family();
    return std::none_of(family.begin(), family.end(), Lives);
  }

  double LastBeat() const {
    double last = 0;
    for (const Beat& beat : Beats()) last = std::max(last, beat.time);
    return last;
  }

  // Stops `process` when the lease has just been renewed, so that it is not renewed any
  // more. Returns the earliest moment at which the server may let it lapse.
  double StopAfterRenewal(pid_t process) {
    const double expire = std::chrono::duration<double>(kExpire).count();
    for (;;) {
      const double before = Now();
      const v1::Lock lock = client_.Get("k").response;
      if (lock.holders().empty()) return 0;
      const double left =
          std::chrono::duration<double>(FromProto(lock.holders(0).remaining())).count();
      if (left < 0.9 * expire) {
        LetPass(std::chrono::milliseconds(5));
        continue;
      }
      kill(process, SIGSTOP);
      EXPECT_TRUE(Eventually([&] { return IsStopped(process); }));
      // The next renewal is not due before a quarter of the lease has passed. If this
      // took so long that one may have come in between, it was for nothing.
      if (Now() - before < 0.1 * expire) return before + left;
      kill(process, SIGCONT);
    }
  }

  ServerProcess server_;
  StubClient client_{server_.address()};
  TempDir folder_;
  const std::string script_;
  const std::string beats_;
};

TEST_F(CliRunLostTest, NothingRunsAnyMoreWhenTheLeaseOfAServerThatHangsMayLapse) {
  const auto run = RunFamily();
  const double lapse = StopAfterRenewal(server_.pid());
  const CliResult result = run->Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kLost)) << result;
  EXPECT_THAT(result.err, HasSubstr("could not be renewed in time"));
  EXPECT_TRUE(FamilyIsGone());
  EXPECT_LT(LastBeat(), lapse);
  server_.Signal(SIGCONT);
}

TEST_F(CliRunLostTest, NothingRunsAnyMoreWhenTheLeaseOfAServerThatDiedMayLapse) {
  const auto run = RunFamily();
  const double lapse = StopAfterRenewal(server_.pid());
  server_.Kill9();
  const CliResult result = run->Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kLost)) << result;
  EXPECT_TRUE(FamilyIsGone());
  EXPECT_LT(LastBeat(), lapse);
}

TEST_F(CliRunLostTest, CommandThatHeedsTheWarningHasTimeToEndByItself) {
  CliProgram run({"run", "k", "--expire", "3s", "--", "sh", "-c",
                  "trap 'echo warned; sleep 0.1; echo tidied up; exit 0' TERM; echo ready; "
                  "while :; do sleep 0.02; done"},
                 server_);
  ASSERT_EQ(run.ReadLine(), "ready");
  StopAfterRenewal(server_.pid());
  const CliResult result = run.Finish();
  EXPECT_EQ(result.out, "warned\ntidied up\n");
  // It has ended well, but not for a good reason.
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kLost));
  server_.Signal(SIGCONT);
}

TEST_F(CliRunLostTest, ServerThatOnlyRestartsIsNoLoss) {
  CliProgram run({"run", "k", "--expire", "10s", "--", "sh", "-c", "echo ready; read line; exit 3"},
                 server_);
  ASSERT_EQ(run.ReadLine(), "ready");
  server_.Kill9();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  StubClient client(server_.address());
  ASSERT_EQ(client.Get("k").response.holders_size(), 1);
  run.WriteLine("");
  const CliResult result = run.Finish();
  EXPECT_EQ(result.status.code, 3) << result;
  EXPECT_EQ(client.Get("k").response.holders_size(), 0);
}

TEST_F(CliRunLostTest, ExitCodeComesThroughEvenIfTheLockCannotBeGivenBack) {
  CliProgram run(
      {"run", "k", "--server-timeout", "200ms", "--", "sh", "-c", "echo ready; read line; exit 3"},
      server_);
  ASSERT_EQ(run.ReadLine(), "ready");
  server_.Kill9();
  run.WriteLine("");
  const CliResult result = run.Finish();
  EXPECT_EQ(result.status.code, 3);
  EXPECT_THAT(result.err, HasSubstr("could not release the lock"));
}

TEST_F(CliRunLostTest, KeeperThatIsStoppedIsOverruled) {
  const auto run = RunFamily();
  const pid_t keeper = KeeperOf(*run);
  const double lapse = StopAfterRenewal(keeper);
  const CliResult result = run->Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kLost)) << result;
  EXPECT_THAT(result.err, HasSubstr("does not respond"));
  EXPECT_TRUE(FamilyIsGone());
  EXPECT_FALSE(Lives(keeper));
  EXPECT_LT(LastBeat(), lapse);
}

TEST_F(CliRunLostTest, KeeperThatIsKilledTakesEverythingWithIt) {
  const auto run = RunFamily("1h");
  kill(KeeperOf(*run), SIGKILL);
  const CliResult result = run->Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kLost)) << result;
  EXPECT_TRUE(FamilyIsGone());
}

TEST_F(CliRunLostTest, ProgramThatIsKilledTakesEverythingWithItAndGivesTheLockBack) {
  const auto run = RunFamily("4s");
  const pid_t keeper = KeeperOf(*run);
  kill(run->pid(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return FamilyIsGone() && !Lives(keeper); }));
  EXPECT_EQ(client_.Get("k").response.holders_size(), 0);
}

TEST_F(CliRunLostTest, JobThatIsKilledIsGoneAsAWhole) {
  const auto run = RunFamily("4s");
  // As a shell kills a job. The program leads no group here, so it is hit by itself; its
  // keeper must not be in the same one.
  EXPECT_NE(getpgid(KeeperOf(*run)), getpgid(run->pid()));
  // Neither is it found by the program's name.
  std::string name;
  std::ifstream("/proc/" + std::to_string(KeeperOf(*run)) + "/comm") >> name;
  EXPECT_EQ(name, "lease-keeper");
  kill(run->pid(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return FamilyIsGone(); }));
}

TEST_F(CliRunLostTest, KernelKillsTheCommandIfBothAreKilledAtOnce) {
  const auto run = RunFamily("1h");
  const pid_t keeper = KeeperOf(*run);
  kill(run->pid(), SIGSTOP);
  ASSERT_TRUE(Eventually([&] { return IsStopped(run->pid()); }));
  kill(keeper, SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    const std::vector<Beat> beats = Beats();
    return std::any_of(beats.begin(), beats.end(), [](const Beat& beat) {
      return beat.name == "command" && !Lives(beat.process);
    });
  }));
  kill(run->pid(), SIGCONT);
  run->Finish();
}

TEST_F(CliRunLostTest, LeaseThatAnAdministratorEndsIsLostAtTheNextRenewal) {
  const auto run = RunFamily();
  const CliResult forced = CliProgram({"force-release", "k"}, server_).Finish();
  ASSERT_EQ(forced.status.code, 0) << forced;
  const CliResult result = run->Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kLost)) << result;
  EXPECT_THAT(result.err, HasSubstr("administrator"));
  EXPECT_TRUE(FamilyIsGone());
}

// Without a session nobody is told before it asks.
TEST_F(CliRunLostTest, LossThatIsNoticedAtTheEndOnlyIsReported) {
  ServerProcess server({.flags = {"--max-sessions=1"}});
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const std::vector<std::string> waits = {"--expire", "1h", "--",
                                          "sh",       "-c", "echo ready; read line"};
  const auto run_with = [&](const std::string& key) {
    std::vector<std::string> arguments = {"run", key};
    arguments.insert(arguments.end(), waits.begin(), waits.end());
    return arguments;
  };
  CliProgram with_the_session(run_with("other"), server);
  ASSERT_EQ(with_the_session.ReadLine(), "ready");
  CliProgram run(run_with("k"), server);
  ASSERT_EQ(run.ReadLine(), "ready");
  ASSERT_EQ(CliProgram({"force-release", "k"}, server).Finish().status.code, 0);
  run.WriteLine("");
  const CliResult result = run.Finish();
  EXPECT_EQ(result.status.code, ToInt(ExitCode::kLost)) << result;
  EXPECT_THAT(result.err, HasSubstr("ended before the command did"));
  with_the_session.WriteLine("");
  EXPECT_EQ(with_the_session.Finish().status.code, 0);
}

}  // namespace
}  // namespace holdfast
