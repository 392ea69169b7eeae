#include "tests/support/history/made_history.h"

#include <chrono>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::history {
namespace {

using std::chrono::operator""us;

struct OpenCall {
  std::uint32_t client = 0;
  std::uint64_t operation = 0;
  std::string lease_id;
};

// One lock and its clients, each of which has at most one lease or place.
struct Lock {
  std::string key;
  std::optional<OpenCall> holder;  // The call is over; who and which lease.
  std::uint64_t token = 0;
  std::deque<OpenCall> queue;
  std::vector<std::uint32_t> idle;  // Clients.
};

class Maker {
 public:
  explicit Maker(const MadeHistory& wanted) : wanted_(wanted), random_(wanted.seed) {
    std::uint32_t client = 0;
    for (std::uint32_t i = 0; i < wanted.keys; ++i) {
      Lock& lock = locks_.emplace_back();
      lock.key = "key-" + std::to_string(i);
      for (std::uint32_t j = 0; j < wanted.clients_per_key; ++j) lock.idle.push_back(++client);
    }
    operations_.resize(client + 1);
  }

  History Make() {
    Add(0, 0, ServerStarted{});
    const std::size_t between = wanted_.operations / (wanted_.restarts + 1) + 1;
    std::size_t next_restart = between;
    while (made_ < wanted_.operations) {
      Step(locks_[Below(locks_.size())]);
      if (made_ < next_restart) continue;
      next_restart += between;
      Restart();
    }
    for (Lock& lock : locks_) CleanUp(lock);
    Add(0, 0, Quiet{.leases = 0, .waiters = 0});
    return std::move(history_);
  }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }

  void Add(std::uint32_t client, std::uint64_t operation, What what) {
    now_ += Duration(1us * (1 + Below(50)));
    history_.push_back(
        {.time = now_, .client = client, .operation = operation, .what = std::move(what)});
  }

  OpenCall Call(std::uint32_t client, const std::string& lease_id, What what) {
    ++made_;
    OpenCall call{.client = client, .operation = ++operations_[client], .lease_id = lease_id};
    Add(client, call.operation, std::move(what));
    return call;
  }

  void Answer(const OpenCall& call, What what) {
    Add(call.client, call.operation, std::move(what));
  }

  void Grant(Lock& lock, const OpenCall& call) {
    lock.token = ++last_token_;
    lock.holder = call;
    Answer(call, Granted{.fencing_token = lock.token, .valid_until = now_ + wanted_.expire / 2});
  }

  void GrantNext(Lock& lock) {
    if (lock.holder.has_value() || lock.queue.empty()) return;
    const OpenCall next = std::move(lock.queue.front());
    lock.queue.pop_front();
    Grant(lock, next);
  }

  void Acquire(Lock& lock) {
    const std::size_t i = Below(lock.idle.size());
    const std::uint32_t client = lock.idle[i];
    const bool waits = Below(4) != 0;
    const std::string lease_id = "lease-" + std::to_string(++last_lease_);
    const OpenCall call =
        Call(client, lease_id,
             AcquireCalled{.key = lock.key,
                           .lease_id = lease_id,
                           .expire = wanted_.expire,
                           .timeout = waits ? std::nullopt : std::optional<Duration>(Duration{})});
    if (lock.holder.has_value() && !waits) {
      Answer(call, Refused{Reason::kLockHeld});
      return;
    }
    lock.idle.erase(lock.idle.begin() + static_cast<std::ptrdiff_t>(i));
    if (!lock.holder.has_value()) {
      Grant(lock, call);
      return;
    }
    Answer(call, Queued{.queue_sequence = ++last_place_,
                        .position = static_cast<std::uint32_t>(lock.queue.size() + 1)});
    lock.queue.push_back(call);
  }

  void Renew(const Lock& lock) {
    const OpenCall& holder = *lock.holder;
    const OpenCall call = Call(holder.client, holder.lease_id,
                               RenewCalled{.key = lock.key, .lease_id = holder.lease_id});
    Answer(call, Renewed{.fencing_token = lock.token, .valid_until = now_ + wanted_.expire / 2});
  }

  void Release(Lock& lock) {
    const OpenCall holder = *std::exchange(lock.holder, std::nullopt);
    const OpenCall call = Call(holder.client, holder.lease_id,
                               ReleaseCalled{.key = lock.key, .lease_id = holder.lease_id});
    lock.idle.push_back(holder.client);
    if (Below(2) == 0) GrantNext(lock);  // The grant may overtake the answer.
    Answer(call, Released{});
    GrantNext(lock);
  }

  // A waiter is cut off, and takes back what it may have got.
  void Leave(Lock& lock) {
    const std::size_t i = Below(lock.queue.size());
    const OpenCall gone = lock.queue[i];
    lock.queue.erase(lock.queue.begin() + static_cast<std::ptrdiff_t>(i));
    Answer(gone, Unanswered{});
    const OpenCall call =
        Call(gone.client, gone.lease_id, ReleaseCalled{.key = lock.key, .lease_id = gone.lease_id});
    Answer(call, Released{});
    lock.idle.push_back(gone.client);
  }

  void Force(Lock& lock) {
    const OpenCall call =
        Call(1, "", ForceReleaseCalled{.key = lock.key, .fencing_token = lock.token});
    const OpenCall forced = *std::exchange(lock.holder, std::nullopt);
    const std::uint64_t token = lock.token;
    Answer(call, Forced{token});
    GrantNext(lock);
    const OpenCall renewal = Call(forced.client, forced.lease_id,
                                  RenewCalled{.key = lock.key, .lease_id = forced.lease_id});
    Answer(renewal, Refused{Reason::kLeaseForced});
    lock.idle.push_back(forced.client);
  }

  void Get(const Lock& lock) {
    const OpenCall call = Call(1, "", GetCalled{.key = lock.key});
    Answer(call, Shown{.fencing_token = lock.holder.has_value() ? lock.token : 0,
                       .queue_length = static_cast<std::uint32_t>(lock.queue.size())});
  }

  void Write(const Lock& lock) {
    Add(lock.holder->client, 0,
        Written{.resource = lock.key, .fencing_token = lock.token, .accepted = true});
  }

  void Step(Lock& lock) {
    const std::size_t dice = Below(100);
    if (dice < 40) {
      if (!lock.idle.empty()) Acquire(lock);
    } else if (dice < 45) {
      if (!lock.queue.empty()) Leave(lock);
    } else if (dice < 50) {
      Get(lock);
    } else if (lock.holder.has_value()) {
      if (dice < 65) {
        Renew(lock);
      } else if (dice < 70) {
        Write(lock);
      } else if (dice < 71) {
        Force(lock);
      } else {
        Release(lock);
      }
    }
  }

  // Leases stay, and places do not: everybody queues again, and the server counts from 1.
  void Restart() {
    Add(0, 0, ServerStopped{});
    for (Lock& lock : locks_) {
      for (const OpenCall& call : lock.queue) Answer(call, Unanswered{});
    }
    Add(0, 0, ServerStarted{});
    last_token_ += 1'000;
    last_place_ = 0;
    for (Lock& lock : locks_) {
      for (OpenCall& waiting : lock.queue) {
        waiting = Call(waiting.client, waiting.lease_id,
                       AcquireCalled{.key = lock.key,
                                     .lease_id = waiting.lease_id,
                                     .expire = wanted_.expire,
                                     .timeout = std::nullopt});
        Answer(waiting, Queued{.queue_sequence = ++last_place_, .position = 1});
      }
    }
  }

  void CleanUp(Lock& lock) {
    while (!lock.queue.empty()) Leave(lock);
    if (lock.holder.has_value()) Release(lock);
  }

  const MadeHistory wanted_;
  std::mt19937_64 random_;
  History history_;
  std::vector<Lock> locks_;
  std::vector<std::uint64_t> operations_;  // By client: the last.
  Time now_{};
  std::size_t made_ = 0;
  std::uint64_t last_token_ = 0;
  std::uint64_t last_place_ = 0;
  std::uint64_t last_lease_ = 0;
};

}  // namespace

History MakeHistory(const MadeHistory& wanted) { return Maker(wanted).Make(); }

}  // namespace holdfast::history
