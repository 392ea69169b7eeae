#include "clients/cpp/core/queued_callback.h"

#include <memory>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "clients/cpp/core/runtime.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using testing::ElementsAre;

class QueuedCallbackTest : public testing::Test {
 protected:
  void Update(std::uint32_t position) {
    reporter_->Update(QueueInfo{.position = position},
                      [this](Task task) { posted_.push_back(std::move(task)); });
  }

  void RunPosted() {
    for (Task& task : std::exchange(posted_, {})) std::move(task)();
  }

  static constexpr std::uint32_t kOutage = 1'000;

  void UpdateOutage() {
    reporter_->Update(Outage{}, [this](Task task) { posted_.push_back(std::move(task)); });
  }

  std::vector<std::uint32_t> reported_;
  std::shared_ptr<QueuedCallback> reporter_ =
      std::make_shared<QueuedCallback>([this](const WaitNews& news) {
        const auto* info = std::get_if<QueueInfo>(&news);
        reported_.push_back(info != nullptr ? info->position : kOutage);
      });
  std::vector<Task> posted_;
};

TEST_F(QueuedCallbackTest, ReportsEachPlaceThatThereIsTimeFor) {
  Update(3);
  RunPosted();
  Update(2);
  RunPosted();
  EXPECT_THAT(reported_, ElementsAre(3, 2));
}

TEST_F(QueuedCallbackTest, ReportsTheLatestPlaceAloneWhenTheUserIsBusy) {
  Update(3);
  Update(2);
  Update(1);
  EXPECT_EQ(posted_.size(), 1U);
  RunPosted();
  EXPECT_THAT(reported_, ElementsAre(1));
}

TEST_F(QueuedCallbackTest, OutageAndPlaceReplaceOneAnother) {
  Update(3);
  UpdateOutage();
  RunPosted();
  UpdateOutage();
  Update(2);
  RunPosted();
  EXPECT_THAT(reported_, ElementsAre(kOutage, 2));
}

TEST_F(QueuedCallbackTest, ReportsNothingAfterTheEnd) {
  Update(3);
  reporter_->End();
  reporter_->AwaitQuiet();
  RunPosted();
  Update(2);
  RunPosted();
  EXPECT_TRUE(reported_.empty());
}

TEST(QueuedCallbackThreadsTest, WaitsForAReportThatIsBeingMade) {
  Handover<bool> begun;
  Handover<bool> go_on;
  bool done = false;
  const auto reporter = std::make_shared<QueuedCallback>([&](const WaitNews&) {
    begun.Set(true);
    go_on.Wait();
    done = true;
  });
  std::jthread user;
  reporter->Update({}, [&](Task task) { user = std::jthread(std::move(task)); });
  begun.Wait();
  reporter->End();
  go_on.Set(true);
  reporter->AwaitQuiet();
  EXPECT_TRUE(done);
}

TEST(QueuedCallbackThreadsTest, DoesNotWaitForItself) {
  std::shared_ptr<QueuedCallback> reporter;
  reporter = std::make_shared<QueuedCallback>([&](const WaitNews&) {
    reporter->End();
    reporter->AwaitQuiet();
  });
  reporter->Update({}, [](Task task) { std::move(task)(); });
  reporter = nullptr;
}

}  // namespace
}  // namespace holdfast::core
