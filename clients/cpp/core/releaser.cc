#include "clients/cpp/core/releaser.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"

namespace holdfast::core {
namespace {

// How long one try waits for its answer.
constexpr Duration kAttemptLimit = std::chrono::seconds(5);

// The server remembers used-up ids for as long as this, so a later release could
// not be told apart from one of an unknown id.
constexpr Duration kLongest = std::chrono::minutes(5);

// The server keeps places and undelivered grants for a few seconds after their call
// has broken, and then ends them without us.
constexpr Duration kAbandonedFor = std::chrono::seconds(30);

// Whom to tell, until he has been told. Shared by the call and the timer that ends
// the caller's patience.
struct Caller {
  Releaser::Done done;
  TimerId patience_timer;

  void Tell(absl::Status status) {
    if (done) std::exchange(done, nullptr)(std::move(status));
  }
};

}  // namespace

void Releaser::Release(const std::string& key, const std::string& lease_id,
                       std::optional<Duration> expire, Duration patience, Done done) {
  const Duration useful_for = std::max(std::min(expire.value_or(kLongest), kLongest), patience);
  Send(key, lease_id, useful_for, patience, std::move(done));
}

void Releaser::Abandon(const std::string& key, const std::string& lease_id) {
  Send(key, lease_id, kAbandonedFor, kForever, [](const absl::Status&) {});
}

void Releaser::Send(const std::string& key, const std::string& lease_id, Duration useful_for,
                    Duration patience, Done done) {
  const MonotonicTime now = env_.scheduler.Now();
  auto caller = std::make_shared<Caller>();
  caller->done = std::move(done);
  if (After(now, patience) != MonotonicTime::max()) {
    caller->patience_timer = env_.scheduler.At(After(now, patience), [caller] {
      caller->Tell(absl::UnavailableError(
          "the server has not answered the release yet; retrying in the background"));
    });
  }

  const std::uint64_t id = ++last_id_;
  Call::Hooks hooks;
  hooks.send = [this, key, lease_id](Duration limit, Call::Answer answer) {
    env_.transport.Release(key, lease_id, limit,
                           [answer = std::move(answer)](absl::Status status) mutable {
                             if (status.ok()) {
                               answer(Released{});
                             } else {
                               answer(std::move(status));
                             }
                           });
  };
  hooks.done = [this, id, caller](const absl::StatusOr<Released>& answer) {
    env_.scheduler.Cancel(caller->patience_timer);
    caller->Tell(answer.status());
    OnAnswered(id);
  };
  auto call = std::make_shared<Call>(
      env_, RetryPolicy{.attempt_limit = kAttemptLimit, .give_up_at = After(now, useful_for)},
      std::move(hooks));
  calls_.emplace(id, call);
  call->Start();
}

void Releaser::OnAnswered(std::uint64_t id) {
  calls_.erase(id);
  if (calls_.empty() && idle_) std::exchange(idle_, nullptr)();
}

void Releaser::WhenIdle(absl::AnyInvocable<void()> idle) {
  if (calls_.empty()) {
    idle();
  } else {
    idle_ = std::move(idle);
  }
}

void Releaser::Shutdown() {
  // Each call removes itself.
  while (!calls_.empty()) {
    const std::shared_ptr<Call> call = calls_.begin()->second;
    call->Stop(absl::CancelledError("the client was destroyed"));
  }
}

}  // namespace holdfast::core
