// Client's functions for looking at locks and looking after them, against a real server.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/client.h"
#include "holdfast/error.h"
#include "holdfast/sync_lock.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class InspectTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    client_ = *Client::Create(server_.address(), {.owner = "test"});
  }

  // Takes a lock, for as long as the test runs.
  std::uint64_t Take(const std::string& key, Tags tags = {}) {
    locks_.emplace_back(*client_, key, LockOptions{.expire = 1h, .tags = std::move(tags)});
    return locks_.back().Acquire()->fencing_token();
  }

  static std::vector<std::string> Keys(const std::vector<LockInfo>& locks) {
    std::vector<std::string> keys;
    for (const LockInfo& lock : locks) keys.push_back(lock.key);
    return keys;
  }

  ServerProcess server_;
  std::unique_ptr<Client> client_;
  std::vector<SyncLock> locks_;
};

// What a watch has told.
class Told {
 public:
  WatchCallbacks Callbacks() {
    return {.on_event =
                [this](const LockEvent& event) {
                  const std::lock_guard<std::mutex> lock(mutex_);
                  events_.push_back(event);
                },
            .on_end =
                [this](const absl::Status& why) {
                  const std::lock_guard<std::mutex> lock(mutex_);
                  end_ = why;
                }};
  }

  std::vector<LockEvent> events() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return events_;
  }
  std::optional<absl::Status> end() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return end_;
  }
  bool Await(std::size_t count) {
    return Eventually([&] { return events().size() >= count; });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<LockEvent> events_;
  std::optional<absl::Status> end_;
};

TEST_F(InspectTest, ListShowsWhatMatchesPageByPage) {
  EXPECT_TRUE(client_->List()->locks.empty());
  const std::uint64_t token = Take("a/1", "x");
  Take("a/2", {"x", "y"});
  Take("b/1", "y");
  const auto all = client_->List();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(Keys(all->locks), ElementsAre("a/1", "a/2", "b/1"));
  EXPECT_EQ(all->next_page_token, "");
  EXPECT_EQ(all->locks[0].holders.at(0).fencing_token, token);
  EXPECT_EQ(all->locks[0].holders.at(0).owner, "test");
  EXPECT_THAT(Keys(client_->List({.key_prefix = "a/"})->locks), ElementsAre("a/1", "a/2"));
  EXPECT_THAT(Keys(client_->List({.tags = "y"})->locks), ElementsAre("a/2", "b/1"));

  std::vector<std::string> keys;
  std::string page_token;
  do {
    const auto page = client_->List({}, page_token, 1);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->locks.size(), 1U);
    for (const std::string& key : Keys(page->locks)) keys.push_back(key);
    page_token = page->next_page_token;
  } while (!page_token.empty());
  EXPECT_THAT(keys, ElementsAre("a/1", "a/2", "b/1"));
  EXPECT_EQ(ReasonOf(client_->List({}, "", 1'001).status()), ErrorReason::kInvalidField);
}

TEST_F(InspectTest, ForceReleaseEndsTheLeaseThatItNames) {
  const std::uint64_t token = Take("k");
  EXPECT_EQ(ReasonOf(client_->ForceRelease("k", token + 1).status()), ErrorReason::kLockNotHeld);
  const auto former = client_->ForceRelease("k", token);
  ASSERT_TRUE(former.ok()) << former.status();
  EXPECT_EQ(former->owner, "test");
  EXPECT_EQ(former->fencing_token, token);
  EXPECT_EQ(ReasonOf(locks_[0].Release()), ErrorReason::kLeaseForced);
  EXPECT_EQ(ReasonOf(client_->ForceRelease("k", 0).status()), ErrorReason::kLockNotHeld);
  const std::uint64_t next = Take("k");
  EXPECT_EQ(client_->ForceRelease("k", 0)->fencing_token, next);
}

TEST_F(InspectTest, ForceReleaseOfWhicheverThereIsIsNotRepeated) {
  const auto nowhere = *Client::Create("unix:/tmp/no-such-holdfast.sock");
  // With call_timeout at 10 s: it does not go on trying.
  EXPECT_TRUE(absl::IsUnavailable(nowhere->ForceRelease("k", 0).status()));
}

TEST_F(InspectTest, ReleaseByTagEndsWhatCarriesAllTags) {
  Take("a", {"x", "y"});
  Take("b", "x");
  Take("c", {"x", "y", "z"});
  const auto would = client_->ReleaseByTag({"x", "y"}, {.dry_run = true});
  ASSERT_TRUE(would.ok()) << would.status();
  EXPECT_THAT(Keys(would->locks), ElementsAre("a", "c"));
  EXPECT_EQ(client_->List()->locks.size(), 3U);

  // What was granted since the dry run is spared.
  Take("d", {"x", "y"});
  const auto ended =
      client_->ReleaseByTag({"x", "y"}, {.max_fencing_token = would->max_fencing_token});
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_THAT(Keys(ended->locks), ElementsAre("a", "c"));
  EXPECT_THAT(Keys(client_->List()->locks), ElementsAre("b", "d"));

  EXPECT_THAT(Keys(client_->ReleaseByTag("x")->locks), ElementsAre("b", "d"));
  EXPECT_TRUE(client_->List()->locks.empty());
  EXPECT_EQ(ReasonOf(client_->ReleaseByTag({}).status()), ErrorReason::kInvalidField);
  EXPECT_EQ(ReasonOf(client_->ReleaseByTag({}, {.max_fencing_token = 1}).status()),
            ErrorReason::kInvalidField);
}

TEST_F(InspectTest, ReleaseByTagGoesOnForAsManyPagesAsThereAre) {
  constexpr int kLocks = 501;  // The server ends 500 at once.
  for (int i = 0; i < kLocks; ++i) Take(std::to_string(i), "x");
  const auto ended = client_->ReleaseByTag("x");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->locks.size(), std::size_t{kLocks});
  EXPECT_TRUE(client_->List()->locks.empty());
}

TEST_F(InspectTest, ReleaseByTagWithNothingEverGrantedEndsNothing) {
  const auto ended = client_->ReleaseByTag("x");
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(ended->locks.empty());
}

TEST_F(InspectTest, WatchTellsWhatIsHeldAndThenWhatHappens) {
  const std::uint64_t token = Take("a/1", "x");
  Take("b/1");
  Told told;
  const auto watch = client_->Watch({.key_prefix = "a/"}, told.Callbacks());
  ASSERT_TRUE(watch.ok()) << watch.status();
  ASSERT_TRUE(told.Await(2));
  const LockEvent held = told.events()[0];
  EXPECT_EQ(held.kind, LockEvent::Kind::kHeld);
  EXPECT_EQ(held.key, "a/1");
  EXPECT_EQ(held.owner, "test");
  EXPECT_EQ(held.fencing_token, token);
  EXPECT_THAT(held.tags, ElementsAre("x"));
  EXPECT_EQ(held.expire, 1h);
  EXPECT_GT(held.time.time_since_epoch(), 24h);
  EXPECT_EQ(told.events()[1].kind, LockEvent::Kind::kSnapshotEnd);

  EXPECT_EQ(locks_[0].Release(), absl::OkStatus());
  Take("a/2");
  ASSERT_TRUE(client_->ForceRelease("a/2", 0).ok());
  ASSERT_TRUE(told.Await(5));
  std::vector<LockEvent::Kind> kinds;
  for (const LockEvent& event : told.events()) kinds.push_back(event.kind);
  EXPECT_THAT(kinds, ElementsAre(LockEvent::Kind::kHeld, LockEvent::Kind::kSnapshotEnd,
                                 LockEvent::Kind::kReleased, LockEvent::Kind::kGranted,
                                 LockEvent::Kind::kForced));
  EXPECT_EQ(told.end(), std::nullopt);
}

TEST_F(InspectTest, WatchEndsWithTheServer) {
  Told told;
  const auto watch = client_->Watch({}, told.Callbacks());
  ASSERT_TRUE(told.Await(1));
  server_.Kill9();
  ASSERT_TRUE(Eventually([&] { return told.end().has_value(); }));
  EXPECT_TRUE(absl::IsUnavailable(*told.end())) << *told.end();
}

TEST_F(InspectTest, WatchThatIsRefusedSaysWhy) {
  Told told;
  const auto watch = client_->Watch({.key_prefix = std::string(513, 'k')}, told.Callbacks());
  ASSERT_TRUE(Eventually([&] { return told.end().has_value(); }));
  EXPECT_EQ(ReasonOf(*told.end()), ErrorReason::kInvalidField);
}

TEST_F(InspectTest, DestroyedWatchTellsNothingMore) {
  Told told;
  {
    const auto watch = client_->Watch({}, told.Callbacks());
    ASSERT_TRUE(told.Await(1));
  }
  const std::size_t before = told.events().size();
  Take("k");
  // A second watch has seen it; the first one would have by then.
  Told second;
  const auto watch = client_->Watch({}, second.Callbacks());
  ASSERT_TRUE(second.Await(2));
  EXPECT_EQ(told.events().size(), before);
  EXPECT_EQ(told.end(), std::nullopt);
}

TEST_F(InspectTest, SlowWatcherPausesAndMissesNothing) {
  constexpr int kRounds = 1'500;  // Two events each: more than are kept on this side.
  std::promise<void> go_on;
  std::shared_future<void> wait = go_on.get_future().share();
  Told told;
  WatchCallbacks callbacks = told.Callbacks();
  std::promise<void> begun;
  callbacks.on_event = [&begun, wait, tell = callbacks.on_event](const LockEvent& event) {
    if (event.kind == LockEvent::Kind::kSnapshotEnd) begun.set_value();
    wait.wait();
    tell(event);
  };
  // A client of its own: its callback thread blocks.
  const auto slow = *Client::Create(server_.address());
  const auto watch = slow->Watch({}, std::move(callbacks));
  // The first event is being told, so the watch has begun before the first grant.
  begun.get_future().wait();
  SyncLock lock(*client_, "k", {.expire = 1h});
  for (int i = 0; i < kRounds; ++i) {
    ASSERT_TRUE(lock.Acquire().ok());
    ASSERT_TRUE(lock.Release().ok());
  }
  go_on.set_value();
  ASSERT_TRUE(Eventually([&] { return told.events().size() >= std::size_t{2} * kRounds + 1; }));
  std::uint64_t last = 0;
  for (const LockEvent& event : told.events()) {
    if (event.kind == LockEvent::Kind::kSnapshotEnd) continue;
    EXPECT_EQ(event.sequence, last + 1) << "an event was missed";
    last = event.sequence;
  }
}

TEST_F(InspectTest, CallbackOfAWatchMayEndItsClient) {
  auto client = *Client::Create(server_.address());
  std::promise<void> destroyed;
  std::optional<LockWatch> watch;
  bool first = true;
  watch = *client->Watch({}, {.on_event = [&](const LockEvent&) {
                           if (!std::exchange(first, false)) return;
                           client = nullptr;
                           destroyed.set_value();
                         }});
  destroyed.get_future().wait();
  watch.reset();
}

}  // namespace
}  // namespace holdfast
