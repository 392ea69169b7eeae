// What the fake answers to requests that clients of the library never send, but that their
// lease_ids meet when calls cross.

#include "clients/cpp/fake/fake_lock_table.h"

#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace holdfast::fake {
namespace {

using namespace std::chrono_literals;

class FakeLockTableTest : public testing::Test {
 protected:
  FakeLockTableTest() { Wait("k", kHeld, std::nullopt); }

  // The result, once there is one.
  std::optional<absl::Status>& Wait(const std::string& key, const std::string& lease_id,
                                    std::optional<Duration> timeout) {
    std::optional<absl::Status>& status = results_.emplace_back();
    table_.Wait(
        this, {.key = key, .lease_id = lease_id, .timeout = timeout},
        {.on_queued = [](const QueueInfo&) {},
         .on_end =
             [&status](const absl::StatusOr<core::Grant>& grant) { status = grant.status(); }});
    return status;
  }

  const std::string kHeld = "the-id-that-holds";
  const std::string kOther = "the-id-that-waits";
  std::list<std::optional<absl::Status>> results_;
  FakeTime time_;
  FakeLockTable table_{time_};
};

TEST_F(FakeLockTableTest, WaitingLeaseIdCannotBeRenewed) {
  EXPECT_EQ(ReasonOf(table_.Renew("k", kOther).status()), ErrorReason::kLeaseNotFound);
  const auto& waits = Wait("k", kOther, std::nullopt);
  EXPECT_EQ(ReasonOf(table_.Renew("k", kOther).status()), ErrorReason::kLeaseWaiting);
  EXPECT_EQ(waits, std::nullopt);
  EXPECT_EQ(table_.Release("k", kHeld), absl::OkStatus());
  EXPECT_EQ(waits, absl::OkStatus());
  EXPECT_TRUE(table_.Renew("k", kOther).ok());
}

TEST_F(FakeLockTableTest, LeaseIdInUseIsOfOneKey) {
  EXPECT_EQ(ReasonOf(table_.Renew("another", kHeld).status()), ErrorReason::kLeaseMismatch);
  EXPECT_EQ(ReasonOf(table_.Release("another", kHeld)), ErrorReason::kLeaseMismatch);
  EXPECT_EQ(ReasonOf(*Wait("another", kHeld, std::nullopt)), ErrorReason::kLeaseMismatch);
  EXPECT_TRUE(table_.Renew("k", kHeld).ok());
}

TEST_F(FakeLockTableTest, TimeoutEndsTheLeaseId) {
  const auto& first = Wait("k", kOther, 5s);
  time_.Advance(5s);
  EXPECT_EQ(ReasonOf(*first), ErrorReason::kWaitTimeout);
  const absl::Status again = *Wait("k", kOther, 5s);
  EXPECT_EQ(ReasonOf(again), ErrorReason::kLeaseEnded);
  EXPECT_EQ(ErrorMetadata(again)["ended_by"], "timed_out");
  EXPECT_EQ(ReasonOf(table_.Renew("k", kOther).status()), ErrorReason::kLeaseEnded);
  EXPECT_EQ(table_.Release("k", kOther), absl::OkStatus());
}

TEST_F(FakeLockTableTest, WaiterWithoutACallKeepsItsPlaceAndHearsNothing) {
  const auto id = table_.Wait(
      this, {.key = "k", .lease_id = kOther},
      {.on_queued = [](const QueueInfo&) {}, .on_end = [](const absl::StatusOr<core::Grant>&) {}});
  table_.Close(id);
  std::uint32_t position = 0;
  table_.Wait(this, {.key = "k", .lease_id = "the-id-behind-it"},
              {.on_queued = [&](const QueueInfo& info) { position = info.position; },
               .on_end = [](const absl::StatusOr<core::Grant>&) {}});
  EXPECT_EQ(position, 2U);
}

TEST_F(FakeLockTableTest, OneClientsCallsEndAndTheOthersStay) {
  const auto& mine = Wait("k", kOther, std::nullopt);
  std::optional<absl::Status> others;
  const int other = 0;
  table_.Wait(
      &other, {.key = "k", .lease_id = "the-id-of-another"},
      {.on_queued = [](const QueueInfo&) {},
       .on_end = [&](const absl::StatusOr<core::Grant>& grant) { others = grant.status(); }});
  table_.CloseAll(this, absl::CancelledError("gone"));
  EXPECT_TRUE(absl::IsCancelled(mine.value()));
  EXPECT_EQ(others, std::nullopt);
  table_.CloseAll(nullptr, absl::CancelledError("gone"));
  EXPECT_TRUE(absl::IsCancelled(others.value()));
}

TEST(FakeTimeTest, OneOwnersTimersGoAndTheOthersStay) {
  FakeTime time;
  int mine = 0;
  int others = 0;
  time.Add(&mine, time.Now() + 1s, [&] { ++mine; });
  time.Add(&others, time.Now() + 1s, [&] { ++others; });
  time.RemoveAll(&mine);
  time.Advance(2s);
  EXPECT_EQ(mine, 0);
  EXPECT_EQ(others, 1);
}

}  // namespace
}  // namespace holdfast::fake
