#include "clients/cli/completion.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

Candidates Find(std::initializer_list<std::string> words) {
  return FindCandidates({.words = words, .default_address = "unix:/default"});
}

std::vector<std::string> Names(std::initializer_list<std::string> words) {
  std::vector<std::string> names;
  for (const Candidate& candidate : Find(words).words) names.push_back(candidate.word);
  return names;
}

TEST(CompletionTest, FirstWordIsACommand) {
  EXPECT_THAT(Names({"re"}), ElementsAre("renew", "release", "release-by-tag"));
  EXPECT_EQ(Names({""}).size(), 10u);
  EXPECT_EQ(Find({"ls"}).words.front().meaning, "Lists the locks that are held or waited for");
  EXPECT_EQ(Find({"ls", "--ad"}).words.front().meaning, "unix:/path or host:port");
  EXPECT_THAT(Names({"--v"}), ElementsAre("--version"));
  EXPECT_THAT(Names({"--version"}), ElementsAre("--version"));
}

TEST(CompletionTest, FlagsAreThoseOfTheCommand) {
  EXPECT_THAT(Names({"run", "--t"}), ElementsAre("--timeout", "--tag"));
  EXPECT_THAT(Names({"ls", "-"}), Contains("--prefix"));
  EXPECT_THAT(Names({"ls", "-"}), Not(Contains("--expire")));
  EXPECT_THAT(Names({"show", "--", "--"}), IsEmpty());
  EXPECT_THAT(Names({"unheard-of", "--"}), IsEmpty());
}

TEST(CompletionTest, KeysComeWhereAKeyIsWanted) {
  for (const char* command : {"run", "acquire", "renew", "release", "show", "force-release"}) {
    EXPECT_TRUE(Find({command, "k"}).keys) << command;
  }
  EXPECT_TRUE(Find({"ls", "--prefix", "k"}).keys);
  EXPECT_TRUE(Find({"show", "--json", "--", "k"}).keys);
  EXPECT_FALSE(Find({"ls", "k"}).keys);
  EXPECT_FALSE(Find({"ls", "--tag", "k"}).keys);
  EXPECT_FALSE(Find({"show", "k", ""}).keys);
  EXPECT_FALSE(Find({"run", "--timeout", "1"}).keys);
  EXPECT_FALSE(Find({"s"}).keys);
}

TEST(CompletionTest, KeysAreAskedOfTheServerThatIsNamed) {
  EXPECT_EQ(Find({"show", "k"}).address, "unix:/default");
  EXPECT_EQ(Find({"show", "--address", "h:1", "k"}).address, "h:1");
  EXPECT_EQ(Find({"show", "--address=h:2", "k"}).address, "h:2");
  EXPECT_EQ(FindCandidates({.words = {"show", "k"}}).address, "127.0.0.1:7650");
}

TEST(CompletionTest, CommandOfRunIsLeftToOthers) {
  EXPECT_EQ(Find({"run", "k"}).command, std::nullopt);
  EXPECT_EQ(Find({"run", "k", ""}).command, 2u);
  EXPECT_EQ(Find({"run", "k", "git", "che"}).command, 2u);
  EXPECT_EQ(Find({"run", "-w", "3", "k", "git", "--"}).command, 4u);
  EXPECT_EQ(Find({"run", "k", "--", "git"}).command, 3u);
  EXPECT_EQ(Find({"run", "k", "--tag"}).command, std::nullopt);
  EXPECT_EQ(Find({"show", "k", ""}).command, std::nullopt);
}

}  // namespace
}  // namespace holdfast::cli
