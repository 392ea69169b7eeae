// What the fake answers to requests that clients of the library never send, but that their
// lease_ids meet when calls cross.

#include "clients/cpp/fake/fake_lock_table.h"

#include <chrono>
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
