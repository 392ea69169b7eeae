#include "tests/bench/load/window.h"

#include "tests/bench/load/usage.h"

namespace holdfast::bench {

void Window::Leave(bool ok) {
  MutexLock lock(mutex_);
  --running_;
  if (!ok) {
    failed_ = true;
    over_ = true;
  }
  changed_.NotifyAll();
}

bool Window::Run(const WindowOptions& options) {
  const auto let_pass = [this](std::chrono::duration<double> time) {
    MutexLock lock(mutex_);
    changed_.WaitFor(mutex_, std::chrono::duration_cast<std::chrono::nanoseconds>(time),
                     [this]() REQUIRES(mutex_) { return failed_; });
  };
  server_ = options.server;
  let_pass(options.warm_up);
  const Microseconds server_before = CpuTime(options.server);
  const Microseconds client_before = OwnCpuTime();
  const SteadyTime begin = Now();
  open_ = true;
  let_pass(options.seconds);
  open_ = false;
  seconds_ = Now() - begin;
  server_cpu_ = CpuTime(options.server) - server_before;
  client_cpu_ = OwnCpuTime() - client_before;
  over_ = true;

  MutexLock lock(mutex_);
  while (running_ > 0) changed_.Wait(mutex_);
  return !failed_;
}

Report Window::Describe(Latencies& latencies) const {
  const auto count = static_cast<double>(latencies.count());
  if (count == 0) return {{"rate", 0}};
  Report report = {
      {"rate", count / seconds_.count()},     {"p10_us", latencies.Quantile(0.1)},
      {"p50_us", latencies.Quantile(0.5)},    {"p99_us", latencies.Quantile(0.99)},
      {"p999_us", latencies.Quantile(0.999)}, {"client_cpu_us", client_cpu_.count() / count},
  };
  if (server_ != 0) report.emplace_back("server_cpu_us", server_cpu_.count() / count);
  return report;
}

}  // namespace holdfast::bench
