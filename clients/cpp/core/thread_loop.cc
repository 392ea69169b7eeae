#include "clients/cpp/core/thread_loop.h"

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

}  // namespace holdfast::core
