#include "clients/cpp/core/thread.h"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"

namespace holdfast::core {

absl::StatusOr<std::thread> StartThread(const std::string& name, std::function<void()> body) {
  // The new thread inherits the mask.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  absl::StatusOr<std::thread> thread;
  try {
    thread = std::thread(std::move(body));
    pthread_setname_np(thread->native_handle(), name.c_str());
  } catch (const std::system_error& error) {
    thread = absl::ResourceExhaustedError(std::string("cannot start a thread: ") + error.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

ThreadNumber ThisThread() {
  static std::atomic<ThreadNumber> last{0};
  thread_local const ThreadNumber number = ++last;
  return number;
}

void JoinOrDetach(std::thread& thread) {
  if (!thread.joinable()) return;
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

}  // namespace holdfast::core
