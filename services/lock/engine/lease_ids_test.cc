#include "services/lock/engine/lease_ids.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::VariantWith;

constexpr Instant kStart{std::chrono::hours(1)};

std::unique_ptr<Waiter> NewWaiter(std::string lease_id) {
  auto waiter = std::make_unique<Waiter>();
  waiter->spec = {.key = "k", .lease_id = std::move(lease_id)};
  return waiter;
}

std::unique_ptr<HeldLease> NewLease(std::string lease_id) {
  auto lease = std::make_unique<HeldLease>();
  lease->record.spec = {.key = "k", .lease_id = std::move(lease_id)};
  return lease;
}

TEST(LeaseIdsTest, AnIdIsOneThingAtATime) {
  LeaseIds ids(100);
  RecordBatch changes;
  EXPECT_TRUE(ids.Find("a").unknown());
  Waiter& waiter = ids.AddWaiter(NewWaiter("a"));
  EXPECT_EQ(ids.Find("a").waiter, &waiter);
  EXPECT_EQ(ids.Find("a").key(), "k");
  EXPECT_EQ(ids.waiters(), 1u);
  EXPECT_EQ(ids.leases(), 0u);
  HeldLease& lease = ids.AddLease(NewLease("a"));
  EXPECT_EQ(ids.Find("a").waiter, nullptr);
  EXPECT_EQ(ids.Find("a").lease, &lease);
  EXPECT_EQ(ids.Find("a").key(), "k");
  EXPECT_EQ(ids.waiters(), 0u);
  EXPECT_EQ(ids.leases(), 1u);
  // By the id's own text, which goes away with the lease.
  ids.End(lease.record.spec.lease_id, EndCause::kForced, kStart, changes);
  EXPECT_EQ(ids.Find("a").lease, nullptr);
  EXPECT_EQ(ids.Find("a").ended, EndCause::kForced);
  EXPECT_FALSE(ids.Find("a").unknown());
  EXPECT_EQ(ids.leases(), 0u);
  EXPECT_EQ(ids.ended(), 1u);
  ASSERT_THAT(changes, ElementsAre(VariantWith<PutEnded>(_)));
  EXPECT_EQ(std::get<PutEnded>(changes[0]).lease_id, "a");
  EXPECT_EQ(std::get<PutEnded>(changes[0]).cause, EndCause::kForced);
}

TEST(LeaseIdsTest, AWaiterThatIsForgottenLeavesNothing) {
  LeaseIds ids(100);
  const Waiter& waiter = ids.AddWaiter(NewWaiter("a"));
  ids.AddWaiter(NewWaiter("b"));
  ids.AddLease(NewLease("c"));
  ids.Forget(waiter.spec.lease_id);
  EXPECT_TRUE(ids.Find("a").unknown());
  EXPECT_EQ(ids.waiters(), 1u);
  ids.Forget("c");
  EXPECT_EQ(ids.waiters(), 1u);
  EXPECT_EQ(ids.leases(), 0u);
}

TEST(LeaseIdsTest, ManyIdsAreFoundWhateverTheyAre) {
  constexpr int kIds = 10'000;
  LeaseIds ids(kIds);
  RecordBatch changes;
  for (int i = 0; i < kIds; ++i) {
    const std::string id = "id-" + std::to_string(i);
    ids.AddWaiter(NewWaiter(id));
    if (i % 3 > 0) ids.AddLease(NewLease(id));
    if (i % 3 > 1) ids.End(id, EndCause::kReleased, kStart, changes);
  }
  for (int i = 0; i < kIds; ++i) {
    const KnownId known = ids.Find("id-" + std::to_string(i));
    ASSERT_EQ(known.waiter != nullptr, i % 3 == 0);
    ASSERT_EQ(known.lease != nullptr, i % 3 == 1);
    ASSERT_EQ(known.ended.has_value(), i % 3 == 2);
  }
  EXPECT_EQ(ids.waiters() + ids.leases() + ids.ended(), static_cast<std::size_t>(kIds));
}

TEST(LeaseIdsTest, AnIdIsRememberedForItsRetentionAndNoLonger) {
  LeaseIds ids(100);
  RecordBatch changes;
  ids.End("a", EndCause::kExpired, kStart, changes);
  EXPECT_THAT(changes, ElementsAre(VariantWith<PutEnded>(_)));
  changes.clear();
  ids.Prune(kStart + LeaseIds::kRetention - Duration(1), changes);
  EXPECT_THAT(changes, IsEmpty());
  EXPECT_EQ(ids.Find("a").ended, EndCause::kExpired);
  ids.Prune(kStart + LeaseIds::kRetention, changes);
  EXPECT_THAT(changes, ElementsAre(VariantWith<DeleteEnded>(_)));
}

TEST(LeaseIdsTest, AfterItsRetentionAnIdIsForgottenHereAndInTheStore) {
  LeaseIds ids(100);
  RecordBatch changes;
  ids.End("a", EndCause::kReleased, kStart, changes);
  const Instant prune = *ids.NextPrune();
  EXPECT_GE(prune, kStart + LeaseIds::kRetention);
  changes.clear();
  ids.Prune(prune, changes);
  ASSERT_THAT(changes, ElementsAre(VariantWith<DeleteEnded>(_)));
  EXPECT_EQ(std::get<DeleteEnded>(changes[0]).lease_id, "a");
  EXPECT_TRUE(ids.Find("a").unknown());
  EXPECT_EQ(ids.NextPrune(), std::nullopt);
}

TEST(LeaseIdsTest, PastTheCapacityTheOldestGoes) {
  LeaseIds ids(2);
  RecordBatch changes;
  ids.End("a", EndCause::kReleased, kStart, changes);
  ids.End("b", EndCause::kReleased, kStart, changes);
  EXPECT_EQ(ids.ended(), 2u);
  ids.End("c", EndCause::kReleased, kStart, changes);
  EXPECT_EQ(ids.ended(), 2u);
  EXPECT_TRUE(ids.Find("a").unknown());
  EXPECT_TRUE(ids.Find("b").ended.has_value());
  EXPECT_TRUE(ids.Find("c").ended.has_value());
}

TEST(LeaseIdsTest, ForgettingManyIsSpreadOverBatches) {
  LeaseIds ids(10'000);
  RecordBatch changes;
  for (int i = 0; i < LeaseIds::kPrunedAtOnce + 1; ++i) {
    ids.End(std::to_string(i), EndCause::kReleased, kStart, changes);
  }
  changes.clear();
  const Instant later = kStart + 2 * LeaseIds::kRetention;
  ids.Prune(later, changes);
  EXPECT_EQ(changes.size(), static_cast<std::size_t>(LeaseIds::kPrunedAtOnce));
  EXPECT_LE(*ids.NextPrune(), later);
  ids.Prune(later, changes);
  EXPECT_EQ(ids.ended(), 0u);
}

TEST(LeaseIdsTest, OfTheAcknowledgedAsManyAreForgottenAsThereAreOtherChanges) {
  LeaseIds ids(10'000);
  RecordBatch changes;
  constexpr std::size_t kAtOnce = LeaseIds::kPrunedAtOnce;
  const auto end = [&](std::size_t count, const std::string& prefix) {
    for (std::size_t i = 0; i < count; ++i) {
      const EndedRef ended =
          ids.End(prefix + std::to_string(i), EndCause::kReleased, kStart, changes, /*session=*/1);
      ids.AwaitAcknowledgement(ended);
      ids.Acknowledged(ended, kStart);
    }
  };
  end(kAtOnce + 2, "a");
  changes.resize(1);
  ids.Prune(kStart, changes);
  EXPECT_EQ(changes.size(), 1 + kAtOnce) << "no fewer than are forgotten anyway";
  EXPECT_EQ(ids.acknowledged(), 2u);
  end(2 * kAtOnce, "b");
  changes.resize(kAtOnce + 7);
  ids.Prune(kStart, changes);
  EXPECT_EQ(changes.size(), 2 * (kAtOnce + 7));
}

TEST(LeaseIdsTest, TheOldestThatIsRememberedInFullIsKnown) {
  LeaseIds ids(100);
  RecordBatch changes;
  EXPECT_EQ(ids.oldest_retained(), std::nullopt);
  const EndedRef first = ids.End("a", EndCause::kReleased, kStart, changes, /*session=*/1);
  EXPECT_EQ(ids.oldest_retained(), kStart);
  const Instant later = kStart + std::chrono::seconds(1);
  ids.End("b", EndCause::kReleased, later, changes);
  EXPECT_EQ(ids.oldest_retained(), kStart);
  ids.AwaitAcknowledgement(first);
  EXPECT_EQ(ids.oldest_retained(), later);
}

}  // namespace
}  // namespace holdfast
