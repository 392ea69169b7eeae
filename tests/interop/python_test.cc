// Python programs with plain generated stubs, against a real server and next to
// a C++ client.

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr ExitStatus kOk{.code = 0};

std::unique_ptr<ChildProcess> StartPython(const std::string& example,
                                          const std::vector<std::string>& arguments) {
  ChildOptions options{.argv = {Runfile("clients/python/examples/" + example)}, .talk = true};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  auto child = ChildProcess::Start(options);
  EXPECT_TRUE(child.ok()) << child.status();
  return child.ok() ? *std::move(child) : nullptr;
}

std::string NextLine(ChildProcess& child) {
  return child.ReadLine(kWaitLimit).value_or("(silence)");
}

class PythonTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  bool NothingIsHeld() {
    const auto locks = StubClient(server_.address()).ListAll();
    return locks.ok() && locks.response.empty();
  }

  ServerProcess server_;
};

TEST_F(PythonTest, FirstLockIsTakenAndFreed) {
  const auto first_lock = StartPython("first_lock", {server_.address()});
  ASSERT_NE(first_lock, nullptr);
  EXPECT_THAT(NextLine(*first_lock), HasSubstr("writing the report with token"));
  EXPECT_EQ(first_lock->WaitForExit(kWaitLimit), kOk);
  EXPECT_TRUE(NothingIsHeld());
}

TEST_F(PythonTest, FirstLockWaitsForAHolderInAnotherLanguage) {
  StubClient holder(server_.address());
  ASSERT_TRUE(holder.Acquire({.key = "reports/2024", .lease_id = Id("holder")}).ok());
  const auto first_lock = StartPython("first_lock", {server_.address()});
  ASSERT_NE(first_lock, nullptr);
  ASSERT_TRUE(Eventually([&] { return holder.Get("reports/2024").response.queue_length() == 1; }));
  ASSERT_TRUE(holder.Release("reports/2024", Id("holder")).ok());
  EXPECT_THAT(NextLine(*first_lock), HasSubstr("writing the report with token"));
  EXPECT_EQ(first_lock->WaitForExit(kWaitLimit), kOk);
}

TEST_F(PythonTest, LockOfASessionIsReleasedAndTheStreamEnds) {
  const auto session_lock = StartPython("session_lock", {server_.address(), "k"});
  ASSERT_NE(session_lock, nullptr);
  EXPECT_THAT(NextLine(*session_lock), HasSubstr("held with token"));
  EXPECT_FALSE(NothingIsHeld());
  session_lock->WriteLine("done");
  EXPECT_EQ(session_lock->WaitForExit(kWaitLimit), kOk);
  EXPECT_TRUE(NothingIsHeld());
}

TEST_F(PythonTest, LockOfASessionIsFreeAsSoonAsItsHolderIsKilled) {
  const auto session_lock = StartPython("session_lock", {server_.address(), "k"});
  ASSERT_NE(session_lock, nullptr);
  EXPECT_THAT(NextLine(*session_lock), HasSubstr("held with token"));
  StubClient client(server_.address());
  WaitCall next(client, {.key = "k", .lease_id = Id("next")});
  ASSERT_TRUE(next.AwaitQueued());
  session_lock->Signal(SIGKILL);
  EXPECT_TRUE(next.AwaitGranted()) << "its expire is an hour";
}

}  // namespace
}  // namespace holdfast
