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

TEST(CommandLineTest, HealthNeedsNothing) {
  const auto health = std::get<HealthOptions>(Parse({"health", "--server-timeout=1"}, "unix:/h"));
  EXPECT_EQ(health.server.address, "unix:/h");
  EXPECT_EQ(health.server.patience, 1s);
  EXPECT_FALSE(health.json);
}

TEST(CommandLineTest, RunNeedsACommand) {
  EXPECT_THAT(Complaint({"run", "k"}), HasSubstr("the command to run is missing"));
  EXPECT_THAT(Complaint({"run", "k", "--"}), HasSubstr("the command to run is missing"));
  EXPECT_THAT(Complaint({"run", "--", "k"}), HasSubstr("the command to run is missing"));
  EXPECT_THAT(Complaint({"run"}), HasSubstr("KEY is required"));
}

TEST(CommandLineTest, WhatFollowsTheCommandOfRunIsItsOwn) {
  const auto run =
      std::get<RunOptions>(Parse({"run", "k", "--timeout", "3", "cmd", "--timeout", "5", "-h"}));
  EXPECT_EQ(run.take.key, "k");
  EXPECT_EQ(run.take.timeout, 3s);
  EXPECT_THAT(run.command, ElementsAre("cmd", "--timeout", "5", "-h"));
}

TEST(CommandLineTest, OptionsOfRunMayStandBeforeTheKey) {
  const auto run = std::get<RunOptions>(
      Parse({"run", "-qw", "3", "-E2", "--owner=me", "--tag", "t", "k", "cmd", "--", "x"}));
  EXPECT_TRUE(run.take.quiet);
  EXPECT_EQ(run.take.timeout, 3s);
  EXPECT_EQ(run.take.not_acquired_code, 2);
  EXPECT_EQ(run.take.owner, "me");
  EXPECT_THAT(run.take.tags, ElementsAre("t"));
  EXPECT_EQ(run.take.key, "k");
  EXPECT_THAT(run.command, ElementsAre("cmd", "--", "x"));
}

TEST(CommandLineTest, DashesBeforeTheKeyEndTheOptionsToo) {
  const auto run = std::get<RunOptions>(Parse({"run", "-n", "--", "-k", "-cmd", "-x"}));
  EXPECT_EQ(run.take.key, "-k");
  EXPECT_EQ(run.take.timeout, 0s);
  EXPECT_THAT(run.command, ElementsAre("-cmd", "-x"));
}

TEST(CommandLineTest, DashesMayStandBeforeTheKeyAndBeforeTheCommand) {
  const auto run = std::get<RunOptions>(Parse({"run", "--", "k", "--", "true", "--", "x"}));
  EXPECT_EQ(run.take.key, "k");
  EXPECT_THAT(run.command, ElementsAre("true", "--", "x"));
  EXPECT_THAT(Complaint({"run", "--", "k", "--"}), HasSubstr("the command to run is missing"));
  // The key itself may be of dashes.
  const auto dashes = std::get<RunOptions>(Parse({"run", "--", "--", "true"}));
  EXPECT_EQ(dashes.take.key, "--");
  EXPECT_THAT(dashes.command, ElementsAre("true"));
}

TEST(CommandLineTest, ValueOfAnOptionIsNoKeyAndNoCommand) {
  const auto run = std::get<RunOptions>(Parse({"run", "--owner", "--", "k", "-w", "1", "cmd"}));
  EXPECT_EQ(run.take.owner, "--");
  EXPECT_EQ(run.take.key, "k");
  EXPECT_THAT(run.command, ElementsAre("cmd"));
}

TEST(CommandLineTest, FlagsOfFlockDoWhatTheyDoThere) {
  EXPECT_EQ(std::get<RunOptions>(Parse({"run", "-n", "k", "true"})).take.timeout, 0s);
  EXPECT_EQ(std::get<RunOptions>(Parse({"run", "-w", "2.5", "k", "true"})).take.timeout, 2500ms);
  const auto acquire = std::get<AcquireOptions>(
      Parse({"acquire", "k", "--expire", "30", "-n", "-E", "0", "--quiet"}));
  EXPECT_EQ(acquire.expire, 30s);
  EXPECT_EQ(acquire.take.not_acquired_code, 0);
  EXPECT_TRUE(acquire.take.quiet);
  const auto plain = std::get<RunOptions>(Parse({"run", "k", "true"})).take;
  EXPECT_EQ(plain.not_acquired_code, ToInt(ExitCode::kNotAcquired));
  EXPECT_FALSE(plain.quiet);
  EXPECT_EQ(std::get<RunOptions>(Parse({"run", "k", "-E", "255", "true"})).take.not_acquired_code,
            255);
  EXPECT_NE(Complaint({"run", "k", "-E", "256", "true"}), "(it was accepted)");
  EXPECT_NE(Complaint({"run", "k", "-E", "-1", "true"}), "(it was accepted)");
  EXPECT_THAT(Complaint({"run", "-n", "-w", "1", "k", "true"}), HasSubstr("excludes"));
}

TEST(CommandLineTest, UnknownCommandIsNamedAndTheNearestSuggested) {
  EXPECT_THAT(Complaint({"lst"}), HasSubstr("unknown command \"lst\"; did you mean \"ls\"?"));
  EXPECT_THAT(Complaint({"relase", "k", "l"}), HasSubstr("did you mean \"release\"?"));
  EXPECT_THAT(Complaint({"wtach"}), HasSubstr("did you mean \"watch\"?"));
  EXPECT_EQ(Complaint({"frobnicate"}),
            "holdfast: unknown command \"frobnicate\" (see holdfast --help)\n");
  EXPECT_THAT(Complaint({"x"}), testing::Not(HasSubstr("did you mean")));
}

TEST(CommandLineTest, AcquireNeedsAnEndOfItsLease) {
  EXPECT_THAT(Complaint({"acquire", "k"}), HasSubstr("--expire is required"));
  EXPECT_NE(Complaint({"acquire", "k", "--expire", "1m", "--forever"}), "(it was accepted)");
  EXPECT_EQ(std::get<AcquireOptions>(Parse({"acquire", "k", "--expire", "1m"})).expire, 1min);
  EXPECT_EQ(std::get<AcquireOptions>(Parse({"acquire", "k", "--forever"})).expire, std::nullopt);
}

TEST(CommandLineTest, BareNumbersAreSeconds) {
  const auto run =
      std::get<RunOptions>(Parse({"run", "k", "--timeout", "10", "--expire", "1.5", "true"}));
  EXPECT_EQ(run.take.timeout, 10s);
  EXPECT_EQ(run.expire, 1500ms);
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

TEST(CommandLineTest, TagInBracketsIsNoList) {
  EXPECT_THAT(
      std::get<ReleaseByTagOptions>(Parse({"release-by-tag", "[a,b]", "--dry-run", "c"})).tags,
      ElementsAre("[a,b]", "c"));
  EXPECT_THAT(std::get<ListOptions>(Parse({"ls", "--tag", "[a,b]", "--tag=[c]"})).select.tags,
              ElementsAre("[a,b]", "[c]"));
}

TEST(CommandLineTest, EachTagHasItsFlag) {
  EXPECT_NE(Complaint({"ls", "--tag", "a", "b"}), "(it was accepted)");
  const auto acquire =
      std::get<AcquireOptions>(Parse({"acquire", "--forever", "--tag", "t", "--", "-k"}));
  EXPECT_EQ(acquire.take.key, "-k");
  EXPECT_THAT(acquire.take.tags, ElementsAre("t"));
}

TEST(CommandLineTest, KeysMayBeginWithADashBehindTwo) {
  EXPECT_EQ(std::get<ShowOptions>(Parse({"show", "--", "-k"})).key, "-k");
}

TEST(CommandLineTest, HelpTeachesAndIsNoError) {
  const auto general = std::get<EarlyExit>(Parse({"--help"}));
  EXPECT_EQ(general.code, ExitCode::kOk);
  EXPECT_THAT(general.text, HasSubstr("holdfast run nightly-backup ./backup.sh"));
  EXPECT_THAT(general.text, HasSubstr("116  not acquired"));
  const auto run = std::get<EarlyExit>(Parse({"run", "--help"}));
  EXPECT_EQ(run.code, ExitCode::kOk);
  EXPECT_THAT(run.text, HasSubstr("KEY [--] COMMAND..."));
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
