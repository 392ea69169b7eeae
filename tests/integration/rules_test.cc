// A server that follows a file of rules, and reads it again.

#include <signal.h>

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

using ::testing::HasSubstr;

class RulesTest : public testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path_) << text; }

  bool Logs(const std::string& text) {
    return Eventually([&] { return server_.Log().find(text) != std::string::npos; });
  }

  std::string Try(const std::string& key) {
    return StubClient(server_.address())
        .Acquire({.key = key, .lease_id = "the-only-lease-of-" + key})
        .status.reason;
  }

  const TempDir folder_;
  const std::string path_ = folder_.path() + "/rules";
  ServerProcess server_{{.flags = {"--rules=" + path_}}};
};

TEST_F(RulesTest, AreFollowedAndReadAgainOnSighup) {
  Write("allow * first acquire\n");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(Try("first"), "");
  EXPECT_EQ(Try("second"), "PERMISSION_DENIED");
  Write("allow * second acquire\n");
  EXPECT_EQ(Try("second"), "PERMISSION_DENIED") << "not read before it is told to";
  server_.Signal(SIGHUP);
  ASSERT_TRUE(Logs("read the rules again")) << server_.Log();
  EXPECT_EQ(Try("second"), "");
  EXPECT_EQ(Try("first"), "PERMISSION_DENIED");
}

TEST_F(RulesTest, ABadFileChangesNothingAndIsLogged) {
  Write("allow * first acquire\n");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  Write("allow * * all\nallow everybody everything\n");
  server_.Signal(SIGHUP);
  ASSERT_TRUE(Logs("line 2: expected")) << server_.Log();
  EXPECT_EQ(Try("second"), "PERMISSION_DENIED");
  EXPECT_EQ(Try("first"), "");
}

TEST_F(RulesTest, WithoutTheFileOrWithABadOneTheServerDoesNotStart) {
  for (const bool bad : {false, true}) {
    if (bad) Write("nonsense\n");
    ASSERT_EQ(server_.Launch(), absl::OkStatus());
    const auto exit = server_.WaitForExit(kWaitLimit);
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->code, ToInt(ExitCode::kUsage)) << server_.Log();
  }
  EXPECT_THAT(server_.Log(), HasSubstr("line 1"));
}

TEST_F(RulesTest, WhoHeldALockBeforeARestartIsStillKnown) {
  Write("allow * * all\n");
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(Try("k"), "");
  const std::string before = StubClient(server_.address()).Get("k").response.holders(0).principal();
  EXPECT_THAT(before, HasSubstr("uid:"));
  server_.Kill9();
  ASSERT_EQ(server_.Start(), absl::OkStatus());
  EXPECT_EQ(StubClient(server_.address()).Get("k").response.holders(0).principal(), before);
}

}  // namespace
}  // namespace holdfast
