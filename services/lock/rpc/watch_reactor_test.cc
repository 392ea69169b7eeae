// Watch calls through a real server: what a client reads.

#include "services/lock/rpc/watch_reactor.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holdfast/v1/lock_service.grpc.pb.h"
#include "services/lock/engine/watch_hub.h"
#include "services/lock/rpc/testing/watch_fixture.h"
#include "tests/support/acquire_args.h"
#include "tests/support/channel.h"
#include "tests/support/stub_client.h"
#include "tests/support/watch_stream.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::string Key(int number) {
  const std::string digits = std::to_string(number);
  return "k" + std::string(5 - digits.size(), '0') + digits;
}

TEST_F(WatchTest, BeginsWithWhatIsHeldAndGoesOnWithWhatHappens) {
  StartServer();
  Hold("a");
  WatchStream watch(*client_);
  EXPECT_EQ(Text(watch.Next()), "HELD a");
  const auto end = watch.Next();
  EXPECT_EQ(Text(end), "SNAPSHOT_END");
  const auto granted = client_->Acquire({.key = "b",
                                         .lease_id = Id("b"),
                                         .expire = std::chrono::seconds(90),
                                         .tags = {"y", "x"},
                                         .owner = "me"});
  const auto event = watch.Next();
  ASSERT_EQ(Text(event), "GRANTED b");
  EXPECT_EQ(event->sequence(), end->sequence() + 1);
  EXPECT_EQ(event->owner(), "me");
  EXPECT_THAT(event->tags(), ElementsAre("x", "y"));
  EXPECT_EQ(event->fencing_token(), granted.response.fencing_token());
  EXPECT_EQ(event->expire().seconds(), 90);
  EXPECT_EQ(event->time().seconds(), granted.response.granted_at().seconds());
  EXPECT_EQ(event->SerializeAsString().find(Id("b")), std::string::npos) << "a secret";
  Release("a");
  EXPECT_EQ(Text(watch.Next()), "RELEASED a");
  client_->ForceRelease("b");
  EXPECT_EQ(Text(watch.Next()), "FORCED b");
}

TEST_F(WatchTest, TellsAnExpiry) {
  StartServer();
  WatchStream watch(*client_);
  watch.ReadSnapshot();
  client_->Acquire({.key = "k", .lease_id = Id("k"), .expire = std::chrono::milliseconds(1)});
  EXPECT_EQ(Text(watch.Next()), "GRANTED k");
  EXPECT_EQ(Text(watch.Next()), "EXPIRED k");
}

TEST_F(WatchTest, AFilterSelectsByPrefixAndTags) {
  StartServer();
  Hold("a/1", "1", {"x"});
  Hold("a/2", "2", {"y"});
  Hold("b/1", "3", {"x"});
  WatchStream watch(*client_, {.key_prefix = "a/", .tags = {"x"}});
  EXPECT_THAT(watch.ReadSnapshot(), SizeIs(1));
  Hold("a/3", "4", {"y"});
  Hold("a/4", "5", {"y", "x"});
  Hold("b/2", "6", {"x"});
  Release("a/2", "2");
  Release("a/1", "1");
  EXPECT_EQ(Text(watch.Next()), "GRANTED a/4");
  EXPECT_EQ(Text(watch.Next()), "RELEASED a/1");
}

// What a watcher knows of the locks from the events alone. It checks that each event
// fits to what it knows.
class Replica {
 public:
  void Apply(const v1::LeaseEvent& event) {
    if (complete_) {
      ASSERT_EQ(event.sequence(), sequence_ + 1) << "a gap, although nothing is filtered";
    } else {
      ASSERT_GE(event.sequence(), sequence_);
    }
    sequence_ = event.sequence();
    switch (event.kind()) {
      case v1::LeaseEvent::HELD:
        ASSERT_FALSE(complete_);
        [[fallthrough]];
      case v1::LeaseEvent::GRANTED:
        ASSERT_TRUE(held_.emplace(event.key(), event.fencing_token()).second) << event.key();
        break;
      case v1::LeaseEvent::SNAPSHOT_END:
        ASSERT_FALSE(complete_);
        complete_ = true;
        break;
      case v1::LeaseEvent::RELEASED:
        ASSERT_EQ(held_[event.key()], event.fencing_token()) << event.key();
        held_.erase(event.key());
        break;
      default:
        FAIL() << Text(event);
    }
  }

  bool complete() const { return complete_; }
  const std::map<std::string, std::uint64_t>& held() const { return held_; }

 private:
  bool complete_ = false;
  std::uint64_t sequence_ = 0;
  std::map<std::string, std::uint64_t> held_;  // Key to token.
};

// Takes and releases locks until told to stop: its own ones at random, and one that
// it shares with others, where each release is at once followed by a grant.
void KeepBusy(StubClient& client, int worker, const std::vector<std::string>& keys, unsigned seed,
              const std::atomic<bool>& stop) {
  std::mt19937 random(seed);
  std::map<std::string, std::string> held;  // Key to lease_id.
  for (int step = 0; !stop; ++step) {
    const std::string& key = keys[random() % keys.size()];
    const std::string lease_id = Id("worker" + std::to_string(worker), step);
    if (const auto found = held.find(key); found != held.end()) {
      EXPECT_TRUE(client.Release(key, found->second).ok());
      held.erase(found);
    } else {
      EXPECT_TRUE(client.Acquire({.key = key, .lease_id = lease_id}).ok());
      held.emplace(key, lease_id);
    }
    if (step % 4 != 0) continue;
    const std::string shared_id = Id("shared" + std::to_string(worker), step);
    EXPECT_TRUE(
        client.Acquire({.key = "shared", .lease_id = shared_id, .timeout = std::chrono::minutes(1)})
            .ok());
    EXPECT_TRUE(client.Release("shared", shared_id).ok());
  }
}

TEST_F(WatchTest, NothingIsLostBetweenTheSnapshotAndTheEvents) {
  constexpr unsigned kSeed = 4'711;
  constexpr int kWorkers = 4;
  constexpr int kWatches = 6;
  constexpr int kKeys = 1'200;  // Some pages of snapshot.
  std::cout << "seed " << kSeed << "\n";
  StartServer({.rpc_limits = {.max_watch_backlog = 1'000'000}});
  for (int i = 0; i < kKeys; i += 2) Hold(Key(i), "base");

  std::atomic<bool> stop{false};
  std::vector<std::unique_ptr<StubClient>> clients;
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    std::vector<std::string> keys;
    for (int key = 1; key < kKeys; key += 2) {
      if (key / 2 % kWorkers == i) keys.push_back(Key(key));
    }
    clients.push_back(NewClient());
    workers.emplace_back([&stop, &client = *clients.back(), i, keys] {
      KeepBusy(client, i, keys, kSeed + static_cast<unsigned>(i), stop);
    });
  }

  // They begin while the locks change, one after the other.
  std::vector<std::unique_ptr<WatchStream>> streams;
  std::vector<Replica> replicas(kWatches);
  for (Replica& replica : replicas) {
    clients.push_back(NewClient());
    streams.push_back(std::make_unique<WatchStream>(*clients.back()));
    while (!replica.complete()) {
      const auto event = streams.back()->Next();
      ASSERT_TRUE(event.has_value());
      ASSERT_NO_FATAL_FAILURE(replica.Apply(*event));
    }
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  Hold("end");

  std::map<std::string, std::uint64_t> truth;
  for (const v1::Lock& lock : client_->ListAll().response) {
    truth.emplace(lock.key(), lock.holders(0).fencing_token());
  }
  EXPECT_GT(truth.size(), std::size_t{kKeys} / 2);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    while (!replicas[i].held().contains("end")) {
      const auto event = streams[i]->Next();
      ASSERT_TRUE(event.has_value());
      ASSERT_NO_FATAL_FAILURE(replicas[i].Apply(*event));
    }
    EXPECT_EQ(replicas[i].held(), truth);
  }
}

TEST_F(WatchTest, ASnapshotOfThousandsComesPageByPage) {
  constexpr int kLeases = 3'000;
  StartServer();
  for (int i = 0; i < kLeases; ++i) Hold(Key(i));
  WatchStream watch(*client_);
  std::vector<std::string> keys;
  bool complete = false;
  while (!complete) {
    const auto message = watch.NextMessage();
    ASSERT_TRUE(message.has_value());
    ASSERT_LE(message->events_size(), static_cast<int>(WatchReactor::kEventsPerMessage));
    for (const v1::LeaseEvent& event : message->events()) {
      ASSERT_FALSE(complete);
      complete = event.kind() == v1::LeaseEvent::SNAPSHOT_END;
      if (!complete) keys.push_back(event.key());
    }
  }
  ASSERT_THAT(keys, SizeIs(kLeases));
  for (int i = 0; i < kLeases; ++i) ASSERT_EQ(keys[static_cast<std::size_t>(i)], Key(i));
}

// gRPC's clients refuse messages of more than 4 MiB.
TEST_F(WatchTest, AMessageOfTheLargestLeasesIsBelowAMegabyte) {
  StartServer();
  std::vector<std::string> tags;
  for (char c = 'a'; c < 'a' + 16; ++c) tags.emplace_back(128, c);
  const int leases = static_cast<int>(WatchReactor::kEventsPerMessage) + 1;
  for (int i = 0; i < leases; ++i) {
    const auto held = client_->Acquire({.key = Key(i) + std::string(506, 'k'),
                                        .lease_id = Id("large", i),
                                        .expire = std::chrono::hours(24 * 366),
                                        .tags = tags,
                                        .owner = std::string(256, 'o')});
    ASSERT_TRUE(held.ok()) << held.status;
  }
  WatchStream watch(*client_);
  for (int seen = 0; seen < leases + 1;) {
    const auto message = watch.NextMessage();
    ASSERT_TRUE(message.has_value());
    EXPECT_LT(message->ByteSizeLong(), std::size_t{1'000'000});
    seen += message->events_size();
  }
}

// While each message is on its way something happens, so there always is something
// to be written other than the snapshot.
TEST_F(WatchTest, TheSnapshotGoesOnAlthoughEventsNeverCease) {
  constexpr int kPages = 4;
  StartServer();
  const int leases = kPages * static_cast<int>(WatchHub::kLeasesPerPage);
  for (int i = 0; i < leases; ++i) Hold(Key(i));
  StubClient slow(SlowChannel(server_->address()));
  WatchStream watch(slow);
  bool complete = false;
  int messages = 0;
  for (; !complete && messages < 10 * kPages; ++messages) {
    // Before all keys that the snapshot still has to pass.
    Hold("a", "busy" + std::to_string(messages));
    Release("a", "busy" + std::to_string(messages));
    const auto message = watch.NextMessage();
    ASSERT_TRUE(message.has_value());
    for (const v1::LeaseEvent& event : message->events()) {
      complete = complete || event.kind() == v1::LeaseEvent::SNAPSHOT_END;
    }
  }
  EXPECT_TRUE(complete) << "not within " << messages << " messages";
}

}  // namespace
}  // namespace holdfast
