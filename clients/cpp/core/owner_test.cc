#include "clients/cpp/core/owner.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

TEST(OwnerTest, NamesProgramHostAndProcess) {
  const std::string owner = DefaultOwner();
  EXPECT_THAT(owner, testing::StartsWith("owner_test@"));
  EXPECT_THAT(owner, testing::EndsWith(":" + std::to_string(getpid())));
  EXPECT_LE(owner.size(), 256U);
}

TEST(OwnerTest, BytesOfTheNameThatAreNotPrintableAreReplaced) {
  std::string name = "a !~\x7f\xc3\x1f" + std::string(200, 'b');
  char* const real = std::exchange(program_invocation_short_name, name.data());
  const std::string owner = DefaultOwner();
  program_invocation_short_name = real;
  EXPECT_EQ(owner.substr(0, owner.find('@')), "a?!~???" + std::string(121, 'b'));
}

}  // namespace
}  // namespace holdfast::core
