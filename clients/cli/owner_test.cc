#include "clients/cli/owner.h"

#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::cli {
namespace {

using testing::EndsWith;
using testing::StartsWith;

TEST(OwnerTest, OfACommandIsItsNameWithoutTheFolder) {
  const std::string process = ":" + std::to_string(getpid());
  EXPECT_THAT(OwnerOfCommand("/usr/bin/backup.sh"), StartsWith("backup.sh@"));
  EXPECT_THAT(OwnerOfCommand("backup.sh"), StartsWith("backup.sh@"));
  EXPECT_THAT(OwnerOfCommand("backup.sh"), EndsWith(process));
}

TEST(OwnerTest, OfTheCallerIsTheParentsProcess) {
  EXPECT_THAT(OwnerOfCaller(), EndsWith(":" + std::to_string(getppid())));
}

TEST(OwnerTest, IsPlainAndFitsIntoALease) {
  EXPECT_THAT(OwnerOfCommand("a b\x01\xff~!"), StartsWith("a?b??~!@"));
  const std::string long_name = OwnerOfCommand(std::string(1000, 'x'));
  EXPECT_THAT(long_name, StartsWith(std::string(128, 'x') + "@"));
  EXPECT_LE(long_name.size(), 256u);
}

}  // namespace
}  // namespace holdfast::cli
