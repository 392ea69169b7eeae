#include "tests/bench/load/usage.h"

#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace holdfast::bench {
namespace {

std::vector<std::string> ThreadFolders(pid_t pid) {
  std::vector<std::string> folders;
  std::error_code error;
  std::filesystem::directory_iterator task("/proc/" + std::to_string(pid) + "/task", error);
  while (!error && task != std::filesystem::directory_iterator()) {
    folders.push_back(task->path());
    task.increment(error);
  }
  return folders;
}

// The process first, then its descendants.
std::vector<pid_t> WithDescendants(pid_t pid) {
  std::vector<pid_t> all;
  if (pid != 0) all.push_back(pid);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::string& folder : ThreadFolders(all[i])) {
      std::ifstream children(folder + "/children");
      for (pid_t child = 0; children >> child;) all.push_back(child);
    }
  }
  return all;
}

Microseconds Read(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Microseconds CpuTime(pid_t pid) {
  Microseconds sum{};
  for (const pid_t process : WithDescendants(pid)) {
    clockid_t clock{};
    if (clock_getcpuclockid(process, &clock) == 0) sum += Read(clock);
  }
  return sum;
}

Microseconds OwnCpuTime() { return Read(CLOCK_PROCESS_CPUTIME_ID); }

std::int64_t ContextSwitches(pid_t pid) {
  std::int64_t sum = 0;
  for (const pid_t process : WithDescendants(pid)) {
    for (const std::string& folder : ThreadFolders(process)) {
      std::ifstream status(folder + "/status");
      for (std::string line; std::getline(status, line);) {
        if (line.find("ctxt_switches:") == std::string::npos) continue;
        sum += std::stoll(line.substr(line.find(':') + 1));
      }
    }
  }
  return sum;
}

bool AwaitQuiet(pid_t pid, std::chrono::seconds limit) {
  constexpr auto kLook = std::chrono::milliseconds(100);
  constexpr auto kQuiet = std::chrono::milliseconds(10);  // Of each look: a server's timers.
  constexpr int kLooks = 4;
  const SteadyTime end = Now() + limit;
  int quiet = 0;
  Microseconds before = CpuTime(pid);
  while (quiet < kLooks && Now() < end) {
    std::this_thread::sleep_for(kLook);
    const Microseconds now = CpuTime(pid);
    quiet = now - before < kQuiet ? quiet + 1 : 0;
    before = now;
  }
  return quiet >= kLooks;
}

}  // namespace holdfast::bench
