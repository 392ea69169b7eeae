#include "clients/cpp/core/thread_scheduler.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "clients/cpp/core/thread.h"

namespace holdfast::core {
namespace {

// Without timers leases would be lost silently; there is no going on.
[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "holdfast: %s failed: %s\n", what, std::strerror(errno));
  std::abort();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ThreadScheduler>> ThreadScheduler::Create() {
  const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
  if (fd < 0) {
    return absl::ResourceExhaustedError(std::string("cannot create a timer: ") +
                                        std::strerror(errno));
  }
  std::unique_ptr<ThreadScheduler> scheduler(new ThreadScheduler(fd));
  ThreadScheduler* const self = scheduler.get();
  absl::StatusOr<std::thread> thread =
      StartThread("holdfast-timer", [self] { self->WaitForTimers(); });
  if (!thread.ok()) return thread.status();
  scheduler->thread_ = *std::move(thread);
  return scheduler;
}

ThreadScheduler::~ThreadScheduler() {
  Stop();
  close(timer_fd_);
}

void ThreadScheduler::Stop() {
  stopping_ = true;
  Run([this] { Arm(MonotonicTime(std::chrono::nanoseconds(1))); });
  JoinOrDetach(thread_);
}

TimerId ThreadScheduler::At(MonotonicTime when, Task task) {
  assert(InTask());
  const TimerId id = timers_.Add(when, std::move(task));
  if (when < armed_for_) Arm(when);
  return id;
}

void ThreadScheduler::Cancel(TimerId timer) {
  assert(InTask());
  timers_.Remove(timer);
}

void ThreadScheduler::WaitForTimers() {
  while (!stopping_) {
    std::uint64_t expirations = 0;
    if (read(timer_fd_, &expirations, sizeof(expirations)) < 0 && errno != EINTR) Die("timerfd");
    Run([this] { RunDue(); });
  }
}

void ThreadScheduler::RunDue() {
  if (stopping_) return;
  while (Task task = timers_.TakeDue(Now())) std::move(task)();
  armed_for_ = MonotonicTime::max();
  if (timers_.NextTime() != MonotonicTime::max()) Arm(timers_.NextTime());
}

void ThreadScheduler::Arm(MonotonicTime when) {
  armed_for_ = when;
  // Zero would switch the timer off.
  const Duration since_boot = std::max<Duration>(when.time_since_epoch(), Duration(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  itimerspec spec{};
  spec.it_value.tv_sec = seconds.count();
  spec.it_value.tv_nsec = (since_boot - seconds).count();
  if (timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &spec, nullptr) != 0) Die("timerfd_settime");
}

}  // namespace holdfast::core
