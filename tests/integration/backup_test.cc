// `holdfastd backup` and what is made of a backup, beside a real server.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/exit_code.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Result {
  int code = -1;
  std::string out{};
};

class BackupTest : public testing::Test {
 protected:
  // What holdfastd prints and ends with.
  static Result Do(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Runfile("services/lock/main/holdfastd"));
    const auto child = ChildProcess::Start({.argv = arguments, .talk = true});
    EXPECT_TRUE(child.ok());
    Result result;
    while (const auto line = (*child)->ReadLine(kWaitLimit)) result.out += *line + "\n";
    result.code = (*child)->WaitForExit(kWaitLimit).value_or(ExitStatus{}).code;
    return result;
  }

  const TempDir folder_;
  const std::string backup_ = folder_.path() + "/backup";
  const std::string restored_ = folder_.path() + "/restored";
};

constexpr std::uint64_t kSkipped = std::uint64_t{1} << 40;

TEST_F(BackupTest, OfARunningServerIsRestoredWithoutGrantingAnOldTokenAgain) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  StubClient client(server.address());
  const auto held = client.Acquire({.key = "held", .lease_id = Id("held"), .owner = "an owner"});
  ASSERT_TRUE(held.ok());
  ASSERT_TRUE(client.Acquire({.key = "released", .lease_id = Id("released")}).ok());
  ASSERT_TRUE(client.Release("released", Id("released")).ok());

  const Result made = Do({"backup", backup_, "--data-dir=" + server.data_dir()});
  ASSERT_EQ(made.code, ToInt(ExitCode::kOk));
  EXPECT_THAT(made.out, HasSubstr("1 leases, 1 ended ids, no token above 1024"));
  // Blocks of tokens that the backup knows nothing of.
  std::uint64_t latest = 0;
  for (int i = 0; i < 1'100; ++i) {
    const auto later = client.Acquire(
        {.key = "later" + std::to_string(i), .lease_id = Id("l" + std::to_string(i))});
    ASSERT_TRUE(later.ok());
    latest = later.response.fencing_token();
  }
  ASSERT_GT(latest, 1'024u);

  const Result verified = Do({"verify", backup_});
  EXPECT_EQ(verified.code, ToInt(ExitCode::kOk));
  EXPECT_THAT(verified.out, HasSubstr("is whole: 1 leases, 1 ended ids"));
  const Result dumped = Do({"dump", backup_});
  EXPECT_EQ(dumped.code, ToInt(ExitCode::kOk));
  EXPECT_THAT(dumped.out,
              HasSubstr("{\"kind\":\"lease\",\"key\":\"held\",\"lease_id\":\"" + Id("held") +
                        "\",\"fencing_token\":\"1\",\"owner\":\"an owner\""));
  EXPECT_THAT(dumped.out, HasSubstr("{\"kind\":\"ended\",\"lease_id\":\"" + Id("released") +
                                    "\",\"cause\":\"RELEASED\"}\n"));
  EXPECT_THAT(dumped.out, HasSubstr("{\"kind\":\"tokens\",\"reserved_through\":\"1024\"}\n"));

  const Result restored = Do({"restore", backup_, "--data-dir=" + restored_});
  ASSERT_EQ(restored.code, ToInt(ExitCode::kOk));
  EXPECT_THAT(restored.out, HasSubstr("above " + std::to_string(1'024 + kSkipped)));
  ServerProcess second({.data_dir = restored_});
  ASSERT_EQ(second.Start(), absl::OkStatus());
  StubClient of_second(second.address());
  EXPECT_EQ(of_second.Get("held").response.holders(0).fencing_token(),
            held.response.fencing_token());
  EXPECT_EQ(of_second.Get("later1").response.holders_size(), 0);
  const auto fresh = of_second.Acquire({.key = "later1", .lease_id = Id("fresh")});
  ASSERT_TRUE(fresh.ok());
  EXPECT_GT(fresh.response.fencing_token(), latest);
  EXPECT_EQ(fresh.response.fencing_token(), 1'024 + kSkipped + 1);
}

TEST_F(BackupTest, AServerDoesNotStartOnABackup) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  ASSERT_EQ(Do({"backup", backup_, "--data-dir=" + server.data_dir()}).code, 0);
  ServerProcess wrong({.data_dir = backup_});
  ASSERT_EQ(wrong.Launch(), absl::OkStatus());
  EXPECT_EQ(wrong.WaitForExit(kWaitLimit), (ExitStatus{.code = ToInt(ExitCode::kBadData)}));
}

TEST_F(BackupTest, ExitCodesSayWhatIsWrong) {
  ServerProcess server;
  ASSERT_EQ(server.Start(), absl::OkStatus());
  const std::string data = "--data-dir=" + server.data_dir();
  ASSERT_EQ(Do({"backup", backup_, data}).code, ToInt(ExitCode::kOk));
  EXPECT_EQ(Do({"backup", backup_, data}).code, ToInt(ExitCode::kUsage));
  EXPECT_EQ(Do({"restore", backup_, data}).code, ToInt(ExitCode::kUsage));
  EXPECT_EQ(Do({"backup", folder_.path() + "/b", "--data-dir=" + folder_.path()}).code,
            ToInt(ExitCode::kBadData));
  for (const auto& entry : fs::directory_iterator(backup_ + "/db")) {
    if (entry.path().extension() == ".log") fs::remove(entry);
  }
  EXPECT_EQ(Do({"verify", backup_}).code, ToInt(ExitCode::kBadData));
}

}  // namespace
}  // namespace holdfast
