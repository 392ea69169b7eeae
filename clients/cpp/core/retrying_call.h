// A short call, sent again until it is known how it ended.
//
// All short calls of the API may be sent again with the same lease_id, so a retry
// never does anything twice.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_RETRYING_CALL_H_
#define HOLDFAST_CLIENTS_CPP_CORE_RETRYING_CALL_H_

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/backoff.h"
#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/environment.h"
#include "clients/cpp/core/errors.h"
#include "holdfast/time.h"

namespace holdfast::core {

struct RetryPolicy {
  Duration attempt_limit;    // How long to wait for one answer.
  MonotonicTime give_up_at;  // No attempt begins, or lasts, after this.
  Duration first_pause = std::chrono::milliseconds(50);
  Duration longest_pause = std::chrono::seconds(2);
  bool once = false;  // Sent again it would have another effect.
};

// Single-threaded: used in tasks alone. Keeps itself alive while it is under way.
template <typename T>
class RetryingCall : public std::enable_shared_from_this<RetryingCall<T>> {
 public:
  using Answer = absl::AnyInvocable<void(absl::StatusOr<T>)>;

  struct Hooks {
    // Sends the call; the answer may come on any thread.
    absl::AnyInvocable<void(Duration limit, Answer answer)> send;
    // Told of every attempt that failed but may be repeated. May be null.
    absl::AnyInvocable<void(const absl::Status&)> on_trouble;
    // Told once how it ended: well, with a refusal that no retry can change, or with
    // UNAVAILABLE at `give_up_at`.
    Answer done;
  };

  RetryingCall(Environment env, RetryPolicy policy, Hooks hooks)
      : env_(env),
        policy_(policy),
        backoff_(policy.first_pause, policy.longest_pause),
        hooks_(std::move(hooks)) {}

  void Start() { Attempt(); }

  // Ends it with `why`, unless it has ended. A last attempt may still arrive.
  void Stop(const absl::Status& why) { Finish(why); }

 private:
  void Attempt() {
    pause_ = {};
    const Duration left = Between(env_.scheduler.Now(), policy_.give_up_at);
    if (left <= Duration::zero()) {
      Finish(GaveUp("gave up calling the server", last_trouble_));
      return;
    }
    hooks_.send(std::min(policy_.attempt_limit, left),
                [self = this->shared_from_this()](absl::StatusOr<T> answer) {
                  Scheduler& scheduler = self->env_.scheduler;
                  scheduler.Run([self, answer = std::move(answer)]() mutable {
                    self->OnAnswer(std::move(answer));
                  });
                });
  }

  void OnAnswer(absl::StatusOr<T> answer) {
    if (finished_) return;
    if (answer.ok() || !ShouldRetry(answer.status())) {
      Finish(std::move(answer));
      return;
    }
    last_trouble_ = answer.status();
    if (policy_.once) {
      Finish(GaveUp("it is unknown whether the server has done it", last_trouble_));
      return;
    }
    if (hooks_.on_trouble) hooks_.on_trouble(last_trouble_);
    if (finished_) return;  // The hook has stopped it.
    const Duration pause = std::max(backoff_.Next(env_.random), RetryDelayOf(last_trouble_));
    const MonotonicTime next = After(env_.scheduler.Now(), pause);
    pause_ = env_.scheduler.At(std::min(next, policy_.give_up_at),
                               [self = this->shared_from_this()] { self->Attempt(); });
  }

  void Finish(absl::StatusOr<T> answer) {
    if (finished_) return;
    finished_ = true;
    env_.scheduler.Cancel(pause_);
    Answer done = std::move(hooks_.done);
    // What the hooks own may own this call.
    hooks_ = {};
    done(std::move(answer));
  }

  const Environment env_;
  const RetryPolicy policy_;
  Backoff backoff_;
  Hooks hooks_;
  TimerId pause_;  // Until the next attempt.
  absl::Status last_trouble_ = absl::UnavailableError("there was no time for a call");
  bool finished_ = false;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_RETRYING_CALL_H_
