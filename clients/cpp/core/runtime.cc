#include "clients/cpp/core/runtime.h"

#include <pthread.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "absl/status/status.h"

namespace holdfast::core {
namespace {

// A thread that runs `body`. It takes no signals: those are the program's own
// business. `name` has up to 15 characters.
//
// RESOURCE_EXHAUSTED: there can be no more threads.
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

// Waits for `thread` to end, or lets go of it if it is the calling one.
void JoinOrDetach(std::thread& thread) {
  if (!thread.joinable()) return;
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

// Without timers leases would be lost silently; there is no going on.
[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "holdfast: %s failed: %s\n", what, std::strerror(errno));
  std::abort();
}

}  // namespace

ThreadNumber ThisThread() {
  static std::atomic<ThreadNumber> last{0};
  thread_local const ThreadNumber number = ++last;
  return number;
}

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(const std::string& thread_name) {
  auto state = std::make_shared<State>();
  absl::StatusOr<std::thread> thread = StartThread(thread_name, [state] { RunTasks(*state); });
  if (!thread.ok()) return thread.status();
  std::unique_ptr<Worker> worker(new Worker(std::move(state)));
  worker->thread_ = *std::move(thread);
  return worker;
}

Worker::~Worker() { Stop(); }

void Worker::Post(Task task) {
  {
    MutexLock lock(state_->mutex);
    if (!state_->stopping) {
      state_->tasks.push_back(std::move(task));
      state_->changed.NotifyAll();
      return;
    }
  }
  std::move(task)();
}

void Worker::Flush() {
  if (thread_.get_id() == std::this_thread::get_id()) return;
  auto done = std::make_shared<Handover<bool>>();
  Post([done] { done->Set(true); });
  done->Wait();
}

void Worker::Stop() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.NotifyAll();
  }
  JoinOrDetach(thread_);
}

void Worker::RunTasks(State& state) {
  for (;;) {
    Task next;
    {
      MutexLock lock(state.mutex);
      while (state.tasks.empty() && !state.stopping) state.changed.Wait(state.mutex);
      if (state.tasks.empty()) return;
      next = std::move(state.tasks.front());
      state.tasks.pop_front();
    }
    std::move(next)();
  }
}

absl::StatusOr<std::unique_ptr<ThreadLoop>> ThreadLoop::Create() {
  const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
  if (fd < 0) {
    return absl::ResourceExhaustedError(std::string("cannot create a timer: ") +
                                        std::strerror(errno));
  }
  std::unique_ptr<ThreadLoop> loop(new ThreadLoop(fd));
  ThreadLoop* const self = loop.get();
  absl::StatusOr<std::thread> thread =
      StartThread("holdfast-timer", [self] { self->WaitForAlarms(); });
  if (!thread.ok()) return thread.status();
  loop->thread_ = *std::move(thread);
  return loop;
}

ThreadLoop::~ThreadLoop() {
  Stop();
  close(timer_fd_);
}

void ThreadLoop::Stop() {
  stopping_ = true;
  Run([this] { Arm(MonotonicTime(std::chrono::nanoseconds(1))); });
  JoinOrDetach(thread_);
}

// A later alarm leaves an earlier one as it is: most are put off long before they are due,
// and one that rings early costs less than a system call each time.
void ThreadLoop::SetAlarm(MonotonicTime when) {
  assert(InTask());
  if (when < armed_for_) Arm(when);
}

void ThreadLoop::WaitForAlarms() {
  while (!stopping_) {
    std::uint64_t expirations = 0;
    if (read(timer_fd_, &expirations, sizeof(expirations)) < 0 && errno != EINTR) Die("timerfd");
    Run([this] { OnExpired(); });
  }
}

void ThreadLoop::OnExpired() {
  if (stopping_) return;
  armed_for_ = MonotonicTime::max();
  Ring();
}

void ThreadLoop::Arm(MonotonicTime when) {
  armed_for_ = when;
  // Zero would switch the timer off.
  const Duration since_boot = std::max<Duration>(when.time_since_epoch(), Duration(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  itimerspec spec{};
  spec.it_value.tv_sec = seconds.count();
  spec.it_value.tv_nsec = (since_boot - seconds).count();
  if (timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &spec, nullptr) != 0) Die("timerfd_settime");
}

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Create(std::unique_ptr<Loop> loop) {
  auto callbacks = Worker::Create("holdfast-calls");
  if (!callbacks.ok()) return callbacks.status();
  auto signals = Worker::Create("holdfast-lost");
  if (!signals.ok()) return signals.status();
  return std::unique_ptr<Runtime>(
      new Runtime(std::move(loop), *std::move(callbacks), *std::move(signals)));
}

void Runtime::RunAndWait(Task task) {
  auto done = std::make_shared<Handover<bool>>();
  loop_->Run([done, task = std::move(task)]() mutable {
    std::move(task)();
    done->Set(true);
  });
  done->Wait();
}

void Runtime::Stop() {
  loop_->Stop();
  callbacks_->Stop();
  signals_->Stop();
}

}  // namespace holdfast::core
