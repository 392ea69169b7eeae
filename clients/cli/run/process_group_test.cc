#include "clients/cli/run/process_group.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "clients/cli/run/process_tree.h"
#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

// Looks until `condition` holds, but not for longer than the slowest machine needs.
bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

class ProcessGroupTest : public testing::Test {
 protected:
  ProcessGroupTest() { AdoptOrphans(); }
  ~ProcessGroupTest() override { KillDescendants(Descendants::kAll); }

  static CommandLine Shell(const std::string& script) {
    return {.arguments = {"sh", "-c", script}, .environment = {"PATH=/usr/bin:/bin", "NAME=value"}};
  }

  // The group of a script that runs.
  static std::unique_ptr<ProcessGroup> Start(const std::string& script) {
    auto group = ProcessGroup::Start(Shell(script));
    EXPECT_TRUE(group.ok()) << group.status();
    return *std::move(group);
  }

  // The exit code of a script that ends by itself or was signalled.
  static int Await(ProcessGroup& group) {
    EXPECT_TRUE(Eventually([&] { return group.Look().ended; }));
    return group.exit_code();
  }

  // Waits until the tree below this process has so many members.
  static bool AwaitDescendants(Descendants which, std::size_t count) {
    return Eventually([&] { return FindDescendants(which).size() == count; });
  }
};

TEST_F(ProcessGroupTest, ExitCodeAndSignalComeThrough) {
  EXPECT_EQ(Await(*Start("exit 0")), 0);
  EXPECT_EQ(Await(*Start("exit 37")), 37);
  EXPECT_EQ(Await(*Start("kill -KILL $$")), 128 + SIGKILL);
}

TEST_F(ProcessGroupTest, SaysWhyACommandCannotBeStarted) {
  EXPECT_TRUE(absl::IsNotFound(ProcessGroup::Start({.arguments = {"no-such-program"}}).status()));
  EXPECT_TRUE(absl::IsNotFound(ProcessGroup::Start({.arguments = {"/no/such"}}).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(ProcessGroup::Start({.arguments = {"/etc"}}).status()));
  EXPECT_TRUE(FindDescendants(Descendants::kAll).empty());
}

TEST_F(ProcessGroupTest, CommandLeadsAGroupOfItsOwnAndHasTheEnvironment) {
  const auto group = Start("[ \"$NAME\" = value ] || exit 1; kill -STOP $$");
  EXPECT_TRUE(Eventually([&] { return group->Look().stopped_by == SIGSTOP; }));
  EXPECT_EQ(getpgid(group->id()), group->id());
  group->Signal(SIGCONT);
  EXPECT_EQ(Await(*group), 0);
}

TEST_F(ProcessGroupTest, CommandIsBornWithTheSignalMaskItIsToHave) {
  // Not through a shell, which would clear the mask.
  CommandLine command{.arguments = {"grep", "-q", "SigBlk:.*0000000000000200", "/proc/self/status"},
                      .environment = {"PATH=/usr/bin:/bin"}};
  sigaddset(&command.blocked_signals, SIGUSR1);
  const auto group = ProcessGroup::Start(command);
  ASSERT_TRUE(group.ok());
  EXPECT_EQ(Await(**group), 0);
}

TEST_F(ProcessGroupTest, SignalReachesTheGroupAndSignalAllThoseThatHaveLeftIt) {
  const auto group = Start("sleep 1000 & setsid sleep 1000 & wait");
  ASSERT_TRUE(AwaitDescendants(Descendants::kAll, 3));
  ASSERT_TRUE(AwaitDescendants(Descendants::kOwnSession, 2));
  group->Signal(SIGTERM);
  EXPECT_EQ(Await(*group), 128 + SIGTERM);
  EXPECT_TRUE(AwaitDescendants(Descendants::kOwnSession, 0));
  EXPECT_TRUE(AwaitDescendants(Descendants::kAll, 1));
  group->SignalAll(Descendants::kAll, SIGTERM);
  EXPECT_TRUE(AwaitDescendants(Descendants::kAll, 0));
}

TEST_F(ProcessGroupTest, KillFindsOrphansAndSparesOtherSessionsIfToldTo) {
  const auto group = Start("(setsid sh -c 'sleep 1000 & wait' &); sleep 1000 & exit 3");
  EXPECT_EQ(Await(*group), 3);
  ASSERT_TRUE(AwaitDescendants(Descendants::kAll, 3));
  ASSERT_TRUE(AwaitDescendants(Descendants::kOwnSession, 1));
  EXPECT_TRUE(KillDescendants(Descendants::kOwnSession));
  EXPECT_EQ(FindDescendants(Descendants::kOwnSession).size(), 0u);
  EXPECT_EQ(FindDescendants(Descendants::kAll).size(), 2u);
  EXPECT_TRUE(KillDescendants(Descendants::kAll));
  EXPECT_TRUE(FindDescendants(Descendants::kAll).empty());
}

TEST_F(ProcessGroupTest, KillKeepsUpWithAFamilyThatGrows) {
  const auto group = Start("trap '' TERM; while :; do sleep 1000 & sleep 0.001; done");
  ASSERT_TRUE(Eventually([] { return FindDescendants(Descendants::kAll).size() > 10; }));
  EXPECT_TRUE(KillDescendants(Descendants::kAll));
  EXPECT_TRUE(FindDescendants(Descendants::kAll).empty());
  EXPECT_EQ(Await(*group), 128 + SIGKILL);
}

TEST_F(ProcessGroupTest, ZombiesOfOrphansAreTakenAway) {
  const auto group = Start("for i in 1 2 3; do (sh -c 'exit 0' &); done; sleep 1000");
  ASSERT_TRUE(AwaitDescendants(Descendants::kAll, 2));
  // Otherwise they would stay for as long as the command runs, however many they become.
  EXPECT_TRUE(Eventually([&] {
    group->Look();
    siginfo_t zombie{};
    waitid(P_ALL, 0, &zombie, WEXITED | WNOHANG | WNOWAIT);
    return zombie.si_pid == 0;
  }));
}

}  // namespace
}  // namespace holdfast::cli
