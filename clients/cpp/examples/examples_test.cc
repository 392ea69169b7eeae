// The example programs do what they say.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

std::unique_ptr<ChildProcess> Launch(const std::string& program,
                                     const std::vector<std::string>& arguments) {
  ChildOptions options{.argv = {Runfile("clients/cpp/examples/" + program)}, .talk = true};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  return *ChildProcess::Start(options);
}

std::vector<std::string> LinesOf(ChildProcess& child) {
  std::vector<std::string> lines;
  while (auto line = child.ReadLine(kWaitLimit)) lines.push_back(*std::move(line));
  return lines;
}

TEST(FirstLockTest, TakesTheLockAndEnds) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const auto program = Launch("first_lock", {server.address()});
  EXPECT_THAT(LinesOf(*program), testing::ElementsAre(HasSubstr("with fencing token ")));
  EXPECT_EQ(program->WaitForExit(kWaitLimit), ExitStatus{.code = 0});
}

TEST(HandoverTest, TwoProcessesHandTheLockToOneAnother) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const auto a = Launch("handover", {"--address=" + server.address(), "--name=A"});
  const auto b = Launch("handover", {"--address=" + server.address(), "--name=B"});
  const std::vector<std::string> a_lines = LinesOf(*a);
  const std::vector<std::string> b_lines = LinesOf(*b);
  EXPECT_EQ(a->WaitForExit(kWaitLimit), ExitStatus{.code = 0});
  EXPECT_EQ(b->WaitForExit(kWaitLimit), ExitStatus{.code = 0});
  EXPECT_THAT(a_lines, Contains(StartsWith("A  granted, token ")).Times(3));
  EXPECT_THAT(b_lines, Contains(StartsWith("B  granted, token ")).Times(3));
  EXPECT_THAT(a_lines, Contains("A  waiting at position 1 behind B"));
  EXPECT_THAT(b_lines, Contains("B  waiting at position 1 behind A"));
}

TEST(HandoverTest, FlagThatIsNotKnownIsRefused) {
  for (const char* argument : {"--rounds=many", "--colour=red", "demo"}) {
    const auto program = Launch("handover", {argument});
    EXPECT_EQ(program->WaitForExit(kWaitLimit), ExitStatus{.code = 2}) << argument;
  }
}

}  // namespace
}  // namespace holdfast
