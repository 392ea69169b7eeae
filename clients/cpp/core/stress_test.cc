// The client's logic with all its threads: several threads acquire, cancel, look, renew,
// release, detach and destroy, over a server that loses some of what it is told. Meant for
// the thread sanitizer; what is asserted is that the lock excludes, and that nothing is
// left.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "clients/cpp/core/client_core.h"
#include "clients/cpp/core/lock_core.h"
#include "clients/cpp/core/runtime.h"
#include "clients/cpp/core/threaded_server.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

using namespace std::chrono_literals;

constexpr int kThreads = 4;
constexpr int kRounds = 150;
constexpr unsigned kLoss = 50;
constexpr std::array<const char*, 2> kKeys = {"a", "b"};

class StressTest : public testing::Test {
 protected:
  StressTest() {
    std::cout << "seed " << seed_ << '\n';
    auto server = std::make_unique<ThreadedServer>(seed_, kLoss);
    server_ = server.get();
    ClientCore::Parts parts{.runtime = *Runtime::Create(*ThreadLoop::Create()),
                            .transport = std::move(server),
                            .clock = &RealClock(),
                            .random = &SystemRandom()};
    client_ = std::make_shared<ClientCore>(std::move(parts), "unix:/nowhere", ClientOptions{});
  }

  std::shared_ptr<LockCore> NewLock(std::size_t key) {
    return std::make_shared<LockCore>(client_, kKeys[key],
                                      LockOptions{.expire = 1h, .auto_renew = true});
  }

  AcquireResult Acquire(LockCore& lock, std::stop_token stop, Duration timeout = 1min) {
    return client_->Block<AcquireResult>([&](auto done) {
      lock.Acquire({.timeout = timeout, .stop = {std::move(stop)}}, std::move(done));
    });
  }

  void Release(LockCore& lock) {
    EXPECT_EQ(client_->Block<absl::Status>([&](auto done) { lock.Release(std::move(done)); }),
              absl::OkStatus());
  }

  // What nobody but the holder does. The counter is not atomic: the lock is its guard, and
  // the sanitizer sees whether it is one.
  void Inside(std::size_t key, const LeaseCore& lease) {
    EXPECT_EQ(++inside_[key], 1);
    EXPECT_GE(lease.facts().fencing_token, last_token_[key]);
    last_token_[key] = lease.facts().fencing_token;
    EXPECT_EQ(lease.state(), LeaseState::kHeld);
    --inside_[key];
  }

  // One acquire, and one of the ways in which it may go on.
  void TakeTurn(std::mt19937_64& random) {
    const std::size_t key = random() % kKeys.size();
    const auto lock = NewLock(key);
    std::stop_source stop;
    const auto action = random() % 6;
    std::jthread canceller;
    if (action == 0) {
      canceller = std::jthread([&stop, pause = random() % 200] {
        std::this_thread::sleep_for(std::chrono::microseconds(pause));
        stop.request_stop();
      });
    }
    const AcquireResult lease =
        Acquire(*lock, stop.get_token(), action == 1 ? Duration::zero() : Duration(1min));
    if (!lease.ok()) {
      EXPECT_TRUE(absl::IsCancelled(lease.status()) || absl::IsAborted(lease.status()) ||
                  (action == 1 && absl::IsUnavailable(lease.status())))
          << lease.status();
      return;
    }
    Inside(key, **lease);
    if (action == 2) {
      EXPECT_EQ(client_->Block<absl::Status>([&](auto done) { lock->Renew(std::move(done)); }),
                absl::OkStatus());
      Inside(key, **lease);
    }
    if (action == 3) {
      // As a destructor does.
      lock->Close([](const absl::Status&) {});
    } else if (action == 4) {
      const AcquireResult detached =
          client_->Block<AcquireResult>([&](auto done) { lock->Detach(std::move(done)); });
      ASSERT_TRUE(detached.ok()) << detached.status();
      client_->Run([this, key, lease_id = (*detached)->facts().lease_id] {
        client_->leases().ReleaseId(kKeys[key], lease_id, 30s, 30s, nullptr);
      });
    } else {
      Release(*lock);
    }
  }

  // Acquires through an object that others use at the same time, whose callback releases it,
  // and which may be closed before it has come to that.
  void TakeTurnTogether(LockCore& lock, std::mt19937_64& random) {
    std::stop_source stop;
    lock.Acquire({.timeout = 1min, .stop = {stop.get_token()}},
                 [&lock](const AcquireResult& lease) {
                   if (lease.ok()) lock.Release([](const absl::Status&) {});
                 });
    if (random() % 4 == 0) stop.request_stop();
    const std::shared_ptr<LeaseCore> lease = lock.lease();
    EXPECT_TRUE(lease == nullptr || lease->facts().fencing_token > 0);
    const auto info = client_->Block<absl::StatusOr<LockInfo>>(
        [&](auto done) { client_->Get(lock.key(), std::move(done)); });
    EXPECT_TRUE(info.ok()) << info.status();
  }

  // One object for all threads, each of which is told apart from the others.
  void TakeTurnThroughOne(LockCore& lock, std::size_t key, std::mt19937_64& random) {
    const AcquireResult lease = client_->Block<AcquireResult>([&](auto done) {
      lock.Acquire({.timeout = random() % 4 == 0 ? 0s : 60s, .holder = ThisThread()},
                   std::move(done));
    });
    if (!lease.ok()) return;
    EXPECT_EQ(lock.OwnLease(ThisThread()), *lease);
    Inside(key, **lease);
    EXPECT_EQ(client_->Block<absl::Status>(
                  [&](auto done) { lock.Release(std::move(done), ThisThread()); }),
              absl::OkStatus());
    ++taken_through_one_;
  }

  std::atomic<int> taken_through_one_{0};
  const std::uint64_t seed_ = std::random_device()();
  ThreadedServer* server_;  // Its owner is the client.
  std::shared_ptr<ClientCore> client_;
  std::array<int, kKeys.size()> inside_ = {};
  std::array<std::uint64_t, kKeys.size()> last_token_ = {};
};

TEST_F(StressTest, ThreadsAcquireCancelReleaseAndDestroy) {
  const auto shared = NewLock(0);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(i));
        for (int round = 0; round < kRounds; ++round) {
          TakeTurn(random);
          if (round % 4 == 0) TakeTurnTogether(*shared, random);
        }
      });
    }
  }
  client_->Shutdown();
  EXPECT_EQ(server_->left(), 0U);
}

TEST_F(StressTest, ThreadsTakeTurnsThroughOneObject) {
  const auto shared = NewLock(0);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2 * kThreads; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(i));
        for (int round = 0; round < kRounds; ++round) TakeTurnThroughOne(*shared, 0, random);
      });
    }
  }
  EXPECT_EQ(shared->lease(), nullptr);
  EXPECT_GE(taken_through_one_, kRounds);
  client_->Shutdown();
  EXPECT_EQ(server_->left(), 0U);
}

TEST_F(StressTest, ClientIsDestroyedUnderThreadsThatUseIt) {
  std::atomic<int> granted{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(i));
        for (;;) {
          const auto lock = NewLock(random() % kKeys.size());
          const AcquireResult lease = Acquire(*lock, {});
          // Cancelled by the end of the client, or refused after it.
          if (!lease.ok()) return;
          ++granted;
          if (random() % 2 == 0)
            lock->Close([](const absl::Status&) {});
          else
            lock->Release([](const absl::Status&) {});
        }
      });
    }
    while (granted < 100) std::this_thread::yield();
    client_->Shutdown();
  }
  EXPECT_EQ(server_->left(), 0U);
}

}  // namespace
}  // namespace holdfast::core
