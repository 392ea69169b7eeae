// WatchCore: what a watch tells its user, in which order, and when no more.

#include "clients/cpp/core/watch_core.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clients/cpp/core/lock_core_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/eventually.h"

namespace holdfast::core {
namespace {

using testing::ElementsAre;

class WatchCoreTest : public LockCoreTest {
 protected:
  // A transport forgets them with the call.
  ~WatchCoreTest() override {
    for (const auto& call : transport_->watches) call->events = {};
  }

  void Start() {
    watch_ = std::make_shared<WatchCore>(
        client_, WatchCallbacks{.on_event =
                                    [this](const LockEvent& event) {
                                      EXPECT_FALSE(loop_->InTask());
                                      if (told_.empty()) begun_.set_value();
                                      if (before_event_) before_event_();
                                      told_.push_back(event.key);
                                    },
                                .on_end = [this](const absl::Status& why) { end_ = why; }});
    watch_->Start({.key_prefix = "k"});
  }

  FakeWatch& call() { return *transport_->watches.at(0); }

  // Whether the transport is to read on.
  bool Say(const std::vector<std::string>& keys) {
    std::vector<LockEvent> events;
    for (const std::string& key : keys) events.push_back({.key = key});
    return call().events.on_events(std::move(events));
  }

  std::promise<void> begun_;  // It tells its first event.
  std::function<void()> before_event_;
  std::shared_ptr<WatchCore> watch_;
  std::vector<std::string> told_;
  std::optional<absl::Status> end_;
};

TEST_F(WatchCoreTest, TellsEventsInOrderAndThenTheEnd) {
  Start();
  EXPECT_EQ(call().filter().key_prefix, "k");
  EXPECT_TRUE(Say({"k1", "k2"}));
  EXPECT_TRUE(Say({"k3"}));
  call().events.on_end(absl::UnavailableError("gone"));
  client_->FlushUserCode();
  EXPECT_THAT(told_, ElementsAre("k1", "k2", "k3"));
  ASSERT_TRUE(end_.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*end_));
  EXPECT_FALSE(call().cancelled());
}

TEST_F(WatchCoreTest, TellsWhatComesWhileItTells) {
  Start();
  std::promise<void> go_on;
  before_event_ = [&] {
    if (told_.empty()) go_on.get_future().wait();
  };
  Say({"k1"});
  Say({"k2"});
  go_on.set_value();
  client_->FlushUserCode();
  Say({"k3"});
  client_->FlushUserCode();
  EXPECT_THAT(told_, ElementsAre("k1", "k2", "k3"));
}

// So that the server sees who is slow.
TEST_F(WatchCoreTest, ReadsNoMoreUntilHalfOfALongBacklogIsGone) {
  constexpr std::size_t kHalf = WatchCore::kMaxBacklog / 2;
  Start();
  std::promise<void> go_on;
  std::optional<int> above_half;
  std::optional<int> at_half;
  before_event_ = [&] {
    // The first has left the backlog when the others come.
    if (told_.empty()) go_on.get_future().wait();
    if (told_.size() == kHalf) above_half = call().read_on();
    if (told_.size() == kHalf + 1) at_half = call().read_on();
  };
  EXPECT_TRUE(Say({"first"}));
  begun_.get_future().wait();
  EXPECT_TRUE(Say(std::vector<std::string>(WatchCore::kMaxBacklog - 1, "k")));
  EXPECT_FALSE(Say({"last"}));
  go_on.set_value();
  client_->FlushUserCode();
  EXPECT_EQ(above_half, 0);
  EXPECT_EQ(at_half, 1);
  EXPECT_EQ(call().read_on(), 1);
  EXPECT_EQ(told_.size(), WatchCore::kMaxBacklog + 1);
  EXPECT_TRUE(Say({"k"}));
  client_->FlushUserCode();
}

TEST_F(WatchCoreTest, NothingIsToldOnceItHasEnded) {
  Start();
  Say({"k1"});
  client_->FlushUserCode();
  watch_->End();
  EXPECT_TRUE(call().cancelled());
  EXPECT_TRUE(Say({"k2"}));
  call().events.on_end(absl::CancelledError("as asked for"));
  client_->FlushUserCode();
  EXPECT_THAT(told_, ElementsAre("k1"));
  EXPECT_EQ(end_, std::nullopt);
}

TEST_F(WatchCoreTest, EndWaitsForTheFunctionThatRuns) {
  Start();
  std::promise<void> ending;
  std::size_t running = 0;
  before_event_ = [&] {
    if (++running > 1) return;
    ending.get_future().wait();
    LetPass(std::chrono::milliseconds(20));
  };
  Say({"k1", "k2"});
  begun_.get_future().wait();
  ending.set_value();
  watch_->End();
  EXPECT_EQ(told_.size(), running) << "with the second or without it";
}

TEST_F(WatchCoreTest, MayBeEndedByItsOwnFunction) {
  Start();
  before_event_ = [this] { watch_->End(); };
  Say({"k1", "k2"});
  client_->FlushUserCode();
  EXPECT_THAT(told_, ElementsAre("k1"));
}

// The call begins in a task, and that may come later.
TEST_F(WatchCoreTest, EndedBeforeItsCallBeganCancelsThat) {
  client_->Run([this] {
    Start();
    watch_->End();
  });
  EXPECT_TRUE(call().cancelled());
}

}  // namespace
}  // namespace holdfast::core
