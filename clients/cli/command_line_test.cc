#include "clients/cli/command_line.h"

#include <chrono>
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::ElementsAre;
using testing::HasSubstr;

Invocation Parse(std::initializer_list<const char*> words, const std::string& address = "") {
  std::vector<const char*> argv = {"holdfast"};
  argv.insert(argv.end(), words);
  return ParseCommandLine(static_cast<int>(argv.size()), argv.data(), address);
}

// The complaint about a command line that is wrong.
std::string Complaint(std::initializer_list<const char*> words) {
  const Invocation invocation = Parse(words);
  const auto* exit = std::get_if<EarlyExit>(&invocation);
  if (exit == nullptr) return "(it was accepted)";
  EXPECT_EQ(exit->code, ExitCode::kUsage);
  return exit->text;
}

TEST(CommandLineTest, RunTakesEverythingBehindTheDashesAsItIs) {
  const auto run =
      std::get<RunOptions>(Parse({"run", "k", "--expire", "10s", "--tag", "a", "--timeout=0s",
                                  "--tag=b", "--", "git", "checkout", "--", "--expire", "-h"}));
  EXPECT_EQ(run.take.key, "k");
  EXPECT_EQ(run.expire, 10s);
  EXPECT_EQ(run.take.timeout, 0s);
  EXPECT_THAT(run.take.tags, ElementsAre("a", "b"));
  EXPECT_THAT(run.command, ElementsAre("git", "checkout", "--", "--expire", "-h"));
}

TEST(CommandLineTest, RunWaitsForeverAndRenewsThirtySecondsByDefault) {
  const auto run = std::get<RunOptions>(Parse({"run", "k", "--", "true"}));
  EXPECT_EQ(run.take.timeout, kForever);
  EXPECT_EQ(run.expire, 30s);
}

TEST(CommandLineTest, RunNeedsACommandBehindTheDashes) {
  EXPECT_THAT(Complaint({"run", "k"}), HasSubstr("behind --"));
  EXPECT_THAT(Complaint({"run", "k", "--"}), HasSubstr("behind --"));
  EXPECT_NE(Complaint({"run", "k", "true"}), "(it was accepted)");
}

TEST(CommandLineTest, AcquireNeedsAnEndOfItsLease) {
  EXPECT_THAT(Complaint({"acquire", "k"}), HasSubstr("--expire is required"));
  EXPECT_NE(Complaint({"acquire", "k", "--expire", "1m", "--forever"}), "(it was accepted)");
  EXPECT_EQ(std::get<AcquireOptions>(Parse({"acquire", "k", "--expire", "1m"})).expire, 1min);
  EXPECT_EQ(std::get<AcquireOptions>(Parse({"acquire", "k", "--forever"})).expire, std::nullopt);
}

TEST(CommandLineTest, BareNumbersAreNoDurations) {
  EXPECT_THAT(Complaint({"run", "k", "--timeout", "10", "--", "true"}),
              HasSubstr("\"10\" has no unit: write 10ms, 10s or 10m"));
}

TEST(CommandLineTest, DurationsHaveLimits) {
  EXPECT_THAT(Complaint({"run", "k", "--expire", "999ms", "--", "true"}),
              HasSubstr("must be from 1.0s"));
  EXPECT_NE(Complaint({"acquire", "k", "--expire", "0s"}), "(it was accepted)");
  EXPECT_NE(Complaint({"acquire", "k", "--expire", "8785h"}), "(it was accepted)");
}

TEST(CommandLineTest, TextIsUtf8) {
  EXPECT_THAT(Complaint({"show", "k\xff"}), HasSubstr("must be UTF-8"));
  EXPECT_THAT(Complaint({"ls", "--tag", "\xc0\x80"}), HasSubstr("must be UTF-8"));
}

TEST(CommandLineTest, ComplaintIsOneLineWhateverIsWrong) {
  const std::string complaint = Complaint({"show", "k", "--no\x1b[2J\nsuch"});
  EXPECT_EQ(complaint.find('\n'), complaint.size() - 1);
  EXPECT_EQ(complaint.find('\x1b'), std::string::npos);
}

TEST(CommandLineTest, AddressComesFromTheFlagThenFromTheEnvironment) {
  EXPECT_EQ(std::get<ListOptions>(Parse({"ls"})).server.address, "127.0.0.1:7650");
  EXPECT_EQ(std::get<ListOptions>(Parse({"ls"}, "unix:/s")).server.address, "unix:/s");
  EXPECT_EQ(std::get<ListOptions>(Parse({"ls", "--address", "h:1"}, "unix:/s")).server.address,
            "h:1");
}

TEST(CommandLineTest, TagsOfReleaseByTagAreWords) {
  const auto options = std::get<ReleaseByTagOptions>(
      Parse({"release-by-tag", "a", "b", "--dry-run", "--max-token", "18446744073709551615"}));
  EXPECT_THAT(options.tags, ElementsAre("a", "b"));
  EXPECT_TRUE(options.dry_run);
  EXPECT_EQ(options.max_token, 18446744073709551615u);
  EXPECT_NE(Complaint({"release-by-tag"}), "(it was accepted)");
}

TEST(CommandLineTest, KeysMayBeginWithADashBehindTwo) {
  EXPECT_EQ(std::get<ShowOptions>(Parse({"show", "--", "-k"})).key, "-k");
}

TEST(CommandLineTest, HelpTeachesAndIsNoError) {
  const auto general = std::get<EarlyExit>(Parse({"--help"}));
  EXPECT_EQ(general.code, ExitCode::kOk);
  EXPECT_THAT(general.text, HasSubstr("holdfast run nightly-backup -- ./backup.sh"));
  EXPECT_THAT(general.text, HasSubstr("116  not acquired"));
  const auto run = std::get<EarlyExit>(Parse({"run", "--help"}));
  EXPECT_EQ(run.code, ExitCode::kOk);
  EXPECT_THAT(run.text, HasSubstr("KEY -- COMMAND..."));
  EXPECT_EQ(std::get<EarlyExit>(Parse({})).code, ExitCode::kUsage);
}

TEST(CommandLineTest, HelpOfEveryCommandTeachesByExamples) {
  for (const char* command : {"run", "acquire", "renew", "release", "ls", "show", "watch",
                              "force-release", "release-by-tag"}) {
    const std::string help = std::get<EarlyExit>(Parse({command, "--help"})).text;
    const std::size_t examples = help.find("\nExample");
    ASSERT_NE(examples, std::string::npos) << command;
    // One of its own, that can be copied.
    EXPECT_NE(help.find(std::string("holdfast ") + command + " ", examples), std::string::npos)
        << help;
  }
}

TEST(CommandLineTest, JsonIsThereForAllThatPrint) {
  for (const auto& words : std::vector<std::vector<const char*>>{{"acquire", "k", "--forever"},
                                                                 {"renew", "k", "lease"},
                                                                 {"ls"},
                                                                 {"show", "k"},
                                                                 {"watch"},
                                                                 {"force-release", "k"},
                                                                 {"release-by-tag", "t"}}) {
    std::vector<const char*> argv = {"holdfast"};
    argv.insert(argv.end(), words.begin(), words.end());
    argv.push_back("--json");
    const Invocation invocation =
        ParseCommandLine(static_cast<int>(argv.size()), argv.data(), /*default_address=*/"");
    EXPECT_EQ(std::get_if<EarlyExit>(&invocation), nullptr) << words.front();
  }
}

}  // namespace
}  // namespace holdfast::cli
