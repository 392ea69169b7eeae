#include "clients/cpp/core/owner.h"

#include <unistd.h>

#include <string>

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

}  // namespace
}  // namespace holdfast::core
