#include "clients/cpp/core/random.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

TEST(RandomTest, LeaseIdsAreUuidsAndDiffer) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = SystemRandom().NewLeaseId();
    EXPECT_THAT(id, testing::MatchesRegex(
                        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
}

TEST(RandomTest, ForkedChildHasOtherIds) {
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  (void)SystemRandom().NewLeaseId();
  const pid_t child = fork();
  const std::string id = SystemRandom().NewLeaseId();
  if (child == 0) {
    const bool written = write(pipe_ends[1], id.data(), id.size()) == 36;
    _exit(written ? 0 : 1);
  }
  std::string childs(36, '\0');
  EXPECT_EQ(read(pipe_ends[0], childs.data(), childs.size()), 36);
  int status = 1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_NE(childs, id);
}

TEST(RandomTest, FractionsFillTheirRange) {
  double least = 1;
  double most = 0;
  for (int i = 0; i < 1000; ++i) {
    const double fraction = SystemRandom().Fraction();
    least = std::min(least, fraction);
    most = std::max(most, fraction);
  }
  EXPECT_GE(least, 0);
  EXPECT_LT(least, 0.1);
  EXPECT_LT(most, 1);
  EXPECT_GT(most, 0.9);
}

class Fixed final : public Random {
 public:
  explicit Fixed(double fraction) : fraction_(fraction) {}
  std::string NewLeaseId() override { return ""; }
  double Fraction() override { return fraction_; }

 private:
  double fraction_;
};

TEST(BackoffTest, RisesToItsLimitAndStartsAnew) {
  Fixed most(0.999999);
  Backoff backoff(100ms, 400ms);
  EXPECT_NEAR(static_cast<double>(backoff.Next(most).count()), 100e6, 1e3);
  EXPECT_NEAR(static_cast<double>(backoff.Next(most).count()), 150e6, 1e3);
  for (int i = 0; i < 10; ++i) EXPECT_LE(backoff.Next(most), 400ms);
  EXPECT_GT(backoff.Next(most), 399ms);
  backoff.Reset();
  EXPECT_LE(backoff.Next(most), 100ms);
}

TEST(BackoffTest, JitterTakesOffUpToHalf) {
  Fixed least(0);
  EXPECT_EQ(Backoff(100ms, 400ms).Next(least), 50ms);
}

}  // namespace
}  // namespace holdfast::core
