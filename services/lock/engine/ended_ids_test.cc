#include "services/lock/engine/ended_ids.h"

#include <chrono>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::VariantWith;

constexpr Instant kStart{std::chrono::hours(1)};

TEST(EndedIdsTest, AnIdIsRememberedForItsWholeRetention) {
  EndedIds ended(100);
  RecordBatch changes;
  ended.Add("a", EndCause::kExpired, kStart, changes);
  EXPECT_THAT(changes, ElementsAre(VariantWith<PutEnded>(_)));
  changes.clear();
  ended.Prune(kStart + EndedIds::kRetention - Duration(1), changes);
  EXPECT_THAT(changes, IsEmpty());
  EXPECT_EQ(ended.Find("a"), EndCause::kExpired);
}

TEST(EndedIdsTest, AfterItsRetentionAnIdIsForgottenHereAndInTheStore) {
  EndedIds ended(100);
  RecordBatch changes;
  ended.Add("a", EndCause::kReleased, kStart, changes);
  const Instant prune = *ended.NextPrune();
  EXPECT_GE(prune, kStart + EndedIds::kRetention);
  changes.clear();
  ended.Prune(prune, changes);
  ASSERT_THAT(changes, ElementsAre(VariantWith<DeleteEnded>(_)));
  EXPECT_EQ(std::get<DeleteEnded>(changes[0]).lease_id, "a");
  EXPECT_EQ(ended.Find("a"), std::nullopt);
  EXPECT_EQ(ended.NextPrune(), std::nullopt);
}

TEST(EndedIdsTest, PastTheCapacityTheOldestGoes) {
  EndedIds ended(2);
  RecordBatch changes;
  ended.Add("a", EndCause::kReleased, kStart, changes);
  ended.Add("b", EndCause::kReleased, kStart, changes);
  EXPECT_EQ(ended.size(), 2u);
  ended.Add("c", EndCause::kReleased, kStart, changes);
  EXPECT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended.Find("a"), std::nullopt);
  EXPECT_TRUE(ended.Find("b").has_value());
  EXPECT_TRUE(ended.Find("c").has_value());
}

TEST(EndedIdsTest, ForgettingManyIsSpreadOverBatches) {
  EndedIds ended(10'000);
  RecordBatch changes;
  for (int i = 0; i < EndedIds::kPrunedAtOnce + 1; ++i) {
    ended.Add(std::to_string(i), EndCause::kReleased, kStart, changes);
  }
  changes.clear();
  const Instant later = kStart + 2 * EndedIds::kRetention;
  ended.Prune(later, changes);
  EXPECT_EQ(changes.size(), static_cast<std::size_t>(EndedIds::kPrunedAtOnce));
  EXPECT_LE(*ended.NextPrune(), later);
  ended.Prune(later, changes);
  EXPECT_EQ(ended.size(), 0u);
}

}  // namespace
}  // namespace holdfast
