#include "services/lock/main/process_setup.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "services/common/log.h"

namespace holdfast {
namespace {

constexpr int kWakeSignal = SIGUSR1;

sigset_t WaitedForSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, kWakeSignal);
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
  Log(level, "grpc", {{"detail", args->message}});
}

void LogForProtobuf(google::protobuf::LogLevel severity, const char* file, int line,
                    const std::string& message) {
  if (severity != google::protobuf::LOGLEVEL_FATAL) return;
  Log(LogLevel::kError, "protobuf", {{"file", file}, {"line", line}, {"detail", message}});
}

}  // namespace

void SetUpProcess() {
  const sigset_t signals = WaitedForSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  RaiseFileDescriptorLimit();
}

int WaitForStopSignal() {
  const sigset_t signals = WaitedForSignals();
  int signal_number = 0;
  while (sigwait(&signals, &signal_number) != 0) {
  }
  return signal_number == kWakeSignal ? 0 : signal_number;
}

void WakeWaiter() { kill(getpid(), kWakeSignal); }

void RouteLibraryLogs() {
  gpr_set_log_function(&LogForGrpc);
  google::protobuf::SetLogHandler(&LogForProtobuf);
}

}  // namespace holdfast
