// The result of AsyncLock's functions, for any coroutine to co_await.
//
// An Awaitable starts its operation when it is awaited, and resumes the coroutine
// where callbacks run (ClientOptions::executor). It works with any coroutine
// type. Destroying a waiting coroutine cancels the operation; do so on the thread
// that would resume it, or while nothing can.

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

// May be awaited once. Thread-compatible.
template <typename T>
class [[nodiscard]] Awaitable {
 public:
  using Done = absl::AnyInvocable<void(T)>;
  // Starts the operation. Calls `Done` once; with CANCELLED, or another fitting
  // result, if a stop is requested before.
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
    // Once started, another thread may resume the coroutine, which destroys this
    // object: do not touch it after that.
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
