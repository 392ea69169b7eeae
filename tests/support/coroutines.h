// Coroutine types for tests, because the library brings none: one that runs by itself,
// and one whose owner may destroy it while it waits.

#ifndef HOLDFAST_TESTS_SUPPORT_COROUTINES_H_
#define HOLDFAST_TESTS_SUPPORT_COROUTINES_H_

#include <coroutine>
#include <exception>
#include <utility>

namespace holdfast {

// The plainest coroutine there is: it is gone at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// Destroyed with this object, wherever it has got to. Move-only.
class Owned {
 public:
  struct promise_type {
    Owned get_return_object() {
      return Owned(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };

  explicit Owned(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&&) = delete;
  ~Owned() {
    if (handle_) handle_.destroy();
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_COROUTINES_H_
