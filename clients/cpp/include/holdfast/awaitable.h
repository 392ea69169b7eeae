// What AsyncLock's functions return, for any coroutine to co_await.
//
// An Awaitable starts its operation when it is awaited, and resumes the
// coroutine where callbacks run (ClientOptions::executor). It asks nothing of the
// coroutine's type. A coroutine that is destroyed while it waits cancels the
// operation; destroy it on the thread that would resume it, or while nothing can.

#ifndef HOLDFAST_AWAITABLE_H_
#define HOLDFAST_AWAITABLE_H_

#include <atomic>
#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/functional/any_invocable.h"

namespace holdfast {

// Awaited once. Thread-compatible.
template <typename T>
class [[nodiscard]] Awaitable {
 public:
  using Done = absl::AnyInvocable<void(T)>;
  // Starts the operation. Calls `Done` once, with CANCELLED or whatever else fits
  // if the token's stop is requested before.
  using Start = absl::AnyInvocable<void(std::stop_token, Done)>;

  explicit Awaitable(Start start) : start_(std::move(start)) {}
  Awaitable(Awaitable&&) noexcept = default;
  Awaitable& operator=(Awaitable&&) = delete;

  ~Awaitable() {
    if (shared_ == nullptr) return;
    Phase waiting = Phase::kWaiting;
    if (shared_->phase.compare_exchange_strong(waiting, Phase::kAbandoned)) {
      shared_->abandon.request_stop();
    }
  }

  bool await_ready() const noexcept { return false; }

  void await_suspend(std::coroutine_handle<> coroutine) {
    shared_ = std::make_shared<Shared>();
    shared_->coroutine = coroutine;
    // From the moment it is started, another thread may resume the coroutine, which
    // destroys this object: nothing of it may be touched any more.
    Start start = std::move(start_);
    std::shared_ptr<Shared> shared = shared_;
    start(shared->abandon.get_token(), [shared](T result) {
      shared->result.emplace(std::move(result));
      Phase waiting = Phase::kWaiting;
      if (shared->phase.compare_exchange_strong(waiting, Phase::kDone)) shared->coroutine.resume();
    });
  }

  T await_resume() { return *std::move(shared_->result); }

 private:
  enum class Phase { kWaiting, kDone, kAbandoned };

  struct Shared {
    std::coroutine_handle<> coroutine;
    std::atomic<Phase> phase{Phase::kWaiting};
    std::optional<T> result;
    std::stop_source abandon;
  };

  Start start_;
  std::shared_ptr<Shared> shared_;  // Null until awaited.
};

}  // namespace holdfast

#endif  // HOLDFAST_AWAITABLE_H_
