#include "services/lock/main/process_setup.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "absl/synchronization/mutex.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "services/common/clock.h"
#include "services/common/log.h"
#include "services/common/repeated_log.h"

namespace holdfast {
namespace {

void OpenStandardStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one. Without /dev a folder takes it just as well:
    // nothing can be read from it nor written to it.
    if (open("/dev/null", O_RDWR) < 0) open("/", O_RDONLY | O_DIRECTORY);
  }
}

// Before main would be too late, and so would any constructor of ours: those of shared
// libraries come first, and some of them open files.
[[gnu::section(".preinit_array"),
  gnu::used]] void (*const open_standard_streams)() = &OpenStandardStreams;

// WakeWaiter sets this and then makes the signal, which anybody else may make too. If
// another one is pending the two become one, which finds the flag set.
constexpr int kWakeSignal = SIGUSR1;
std::atomic<bool> woken{false};

sigset_t WaitedForSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGUSR2);
  return signals;
}

void RaiseFileDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void LogForGrpc(gpr_log_func_args* args) {
  const LogLevel level =
      args->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kWarning : LogLevel::kDebug;
  if (level < GetLogLevel()) return;
  // What clients can cause as often as they like, by the place in gRPC that says it.
  static RepeatedLog& repeated = *new RepeatedLog(SystemClock());
  const std::string place = std::string(args->file) + ":" + std::to_string(args->line);
  if (const std::optional<std::uint64_t> times = repeated.Count(place)) {
    Log(level, "grpc", {{"detail", args->message}, {"times", *times}});
  }
}

void LogForProtobuf(google::protobuf::LogLevel severity, const char* file, int line,
                    const std::string& message) {
  if (severity != google::protobuf::LOGLEVEL_FATAL) return;
  Log(LogLevel::kError, "protobuf", {{"file", file}, {"line", line}, {"detail", message}});
}

}  // namespace

void SetUpProcess() {
  // Debian's abseil looks for deadlocks among all mutexes of gRPC, whenever one is taken.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const sigset_t signals = WaitedForSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  RaiseFileDescriptorLimit();
}

int WaitForStopSignal(const std::function<void()>& on_hang_up) {
  const sigset_t signals = WaitedForSignals();
  while (true) {
    int signal_number = 0;
    if (sigwait(&signals, &signal_number) != 0) continue;
    if (signal_number == SIGTERM || signal_number == SIGINT) return signal_number;
    if (signal_number == kWakeSignal && woken.exchange(false)) return 0;
    if (signal_number == SIGHUP) {
      on_hang_up();
      continue;
    }
    Log(LogLevel::kInfo, "ignoring a signal",
        {{"signal", std::string("SIG") + sigabbrev_np(signal_number)}});
  }
}

void WakeWaiter() {
  woken = true;
  kill(getpid(), kWakeSignal);
}

void RouteLibraryLogs() {
  gpr_set_log_function(&LogForGrpc);
  google::protobuf::SetLogHandler(&LogForProtobuf);
}

}  // namespace holdfast
