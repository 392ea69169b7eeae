// What `holdfast --json` prints, as another program reads it.

#include <signal.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/integration/cli_program.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_call.h"

namespace holdfast {
namespace {

// Whatever could break a line, a string or a terminal.
const std::string kNasty = "a\"b\\c\nd\t\x1b[2J\x7f \u00fc \u202e </script> \U0001f512";

class CliJsonTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.Start(), absl::OkStatus()); }

  std::string Do(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const CliResult result = CliProgram(std::move(arguments), server_).Finish();
    EXPECT_EQ(result.status.code, 0) << result;
    return result.out;
  }

  // Reads each line of `json` as an object `o`, and prints what the Python expression
  // makes of it, one after another, with spaces between.
  std::string Ask(const std::string& json, const std::string& expression) {
    std::ofstream(folder_.path() + "/json") << json;
    const std::string script =
        "import json, sys\n"
        "lines = open(sys.argv[1], encoding='utf-8')\n"
        "answers = [eval(sys.argv[2], {'o': json.loads(line)}) for line in lines]\n"
        "print(' '.join(str(a) for a in answers))\n";
    const auto python = ChildProcess::Start(
        {.argv = {"/usr/bin/python3", "-c", script, folder_.path() + "/json", expression},
         .talk = true});
    EXPECT_TRUE(python.ok());
    return (*python)->ReadLine(kWaitLimit).value_or("(silence)");
  }

  ServerProcess server_;
  StubClient client_{server_.address()};
  TempDir folder_;
};

TEST_F(CliJsonTest, LsPrintsALockALine) {
  const auto token = client_
                         .Acquire({.key = "a",
                                   .lease_id = Id("a"),
                                   .expire = std::chrono::minutes(10),
                                   .tags = {"t"},
                                   .owner = kNasty})
                         .response.fencing_token();
  ASSERT_TRUE(client_.Acquire({.key = kNasty, .lease_id = Id("b")}).ok());
  const std::string json = Do({"ls"});
  EXPECT_EQ(Ask(json, "len(o['holders'])"), "1 1");
  EXPECT_EQ(Ask(json, "o['holders'][0]['fencing_token']"),
            std::to_string(token) + " " + std::to_string(token + 1));
  EXPECT_EQ(Ask(json, "o['holders'][0].get('expire')"), "600s None");
  EXPECT_EQ(Ask(json, "o['holders'][0]['tags']"), "['t'] []");
  EXPECT_EQ(Ask(json, "o['key'].encode().hex()"),
            "61 6122625c630a6409"
            "1b5b324a7f20c3bc20e280ae203c2f7363726970743e20f09f9492");
  EXPECT_EQ(json.find('\x1b'), std::string::npos);
  EXPECT_EQ(json.find('\x7f'), std::string::npos);
}

TEST_F(CliJsonTest, ShowPrintsTheQueue) {
  ASSERT_TRUE(client_.Acquire({.key = "k", .lease_id = Id("a")}).ok());
  WaitCall waiter(client_, {.key = "k", .lease_id = Id("b"), .tags = {"t"}, .owner = "w"});
  ASSERT_TRUE(waiter.AwaitQueued());
  const std::string json = Do({"show", "k"});
  EXPECT_EQ(
      Ask(json, "[(w['owner'], w['position'], w['tags'], w['parked']) for w in o['waiters']]"),
      "[('w', 1, ['t'], False)]");
  EXPECT_EQ(Ask(Do({"show", "free"}), "(o['key'], o['holders'], o['queue_length'])"),
            "('free', [], 0)");
}

TEST_F(CliJsonTest, AcquireAndRenewPrintTheLease) {
  const std::string taken = Do({"acquire", "k", "--expire", "10m", "--tag", "b", "--tag", "a"});
  const std::string lease = Ask(taken, "o['lease_id']");
  EXPECT_EQ(Ask(taken, "(o['key'], o['expire'], o['tags'])"), "('k', '600s', ['a', 'b'])");
  EXPECT_EQ(Ask(taken, "550 < float(o['remaining'][:-1]) < 600"), "True");
  EXPECT_EQ(Ask(taken, "o['fencing_token']"),
            std::to_string(client_.Get("k").response.holders(0).fencing_token()));
  const std::string renewed = Do({"renew", "k", lease, "--expire", "20m"});
  EXPECT_EQ(Ask(renewed, "o['expire']"), "1200s");
}

TEST_F(CliJsonTest, WatchPrintsAnEventALineAtOnce) {
  ASSERT_TRUE(client_.Acquire({.key = kNasty, .lease_id = Id("a"), .owner = kNasty}).ok());
  CliProgram watch({"watch", "--json"}, server_);
  const std::string held = watch.ReadLine();
  EXPECT_EQ(Ask(held, "o['kind']"), "HELD");
  EXPECT_EQ(Ask(held, "o['key'] == o['owner']"), "True");
  EXPECT_EQ(Ask(watch.ReadLine(), "o['kind']"), "SNAPSHOT_END");
  ASSERT_TRUE(client_.Release(kNasty, Id("a")).ok());
  const std::string released = watch.ReadLine();
  EXPECT_EQ(Ask(released, "o['kind']"), "RELEASED");
  EXPECT_EQ(Ask(held + "\n" + released, "o['fencing_token']").find("None"), std::string::npos);
  EXPECT_EQ(Ask(released, "int(o['sequence']) > 0 and 'time' in o"), "True");
  watch.Signal(SIGTERM);
  watch.Finish();
}

TEST_F(CliJsonTest, ForcedLeasesArePrintedAsTheyWere) {
  ASSERT_TRUE(client_.Acquire({.key = "a", .lease_id = Id("a"), .owner = kNasty}).ok());
  EXPECT_EQ(Ask(Do({"force-release", "a"}), "(o['key'], len(o['holders'][0]['owner']))"),
            "('a', " + std::to_string(29) + ")");
  ASSERT_TRUE(client_.Acquire({.key = "b", .lease_id = Id("b"), .tags = {"t"}}).ok());
  ASSERT_TRUE(client_.Acquire({.key = "c", .lease_id = Id("c"), .tags = {"t"}}).ok());
  EXPECT_EQ(Ask(Do({"release-by-tag", "t", "--dry-run"}), "o['key']"), "b c");
  EXPECT_EQ(Ask(Do({"release-by-tag", "t"}), "o['key']"), "b c");
  EXPECT_EQ(Do({"release-by-tag", "t"}), "");
}

}  // namespace
}  // namespace holdfast
