#include "tests/support/process_usage.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace holdfast {
namespace {

// The fields of a file like /proc/PID/stat from the third on (its state): the second,
// the program's name, may hold spaces.
std::vector<std::string> StatFields(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  std::vector<std::string> fields;
  if (name_end == std::string::npos) return fields;
  std::istringstream rest(line.substr(name_end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

std::vector<std::string> StatFields(pid_t pid) {
  return StatFields("/proc/" + std::to_string(pid) + "/stat");
}

// Places in what StatFields returns; see proc(5).
constexpr std::size_t kState = 0;
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;
constexpr std::size_t kResidentPages = 21;

}  // namespace

int OpenFiles(pid_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator files("/proc/" + std::to_string(pid) + "/fd", error);
  int count = 0;
  while (!error && files != std::filesystem::directory_iterator()) {
    ++count;
    files.increment(error);
  }
  return count;
}

std::chrono::milliseconds CpuTime(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  if (fields.size() <= kSystemTicks) return {};
  const long ticks = std::stol(fields[kUserTicks]) + std::stol(fields[kSystemTicks]);
  return std::chrono::milliseconds(ticks * 1000 / sysconf(_SC_CLK_TCK));
}

long ResidentBytes(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  if (fields.size() <= kResidentPages) return 0;
  return std::stol(fields[kResidentPages]) * sysconf(_SC_PAGESIZE);
}

bool IsStopped(pid_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator threads("/proc/" + std::to_string(pid) + "/task", error);
  bool stopped = !error && threads != std::filesystem::directory_iterator();
  while (stopped && !error && threads != std::filesystem::directory_iterator()) {
    const std::vector<std::string> fields = StatFields(threads->path().string() + "/stat");
    stopped = fields.size() > kState && fields[kState] == "T";
    threads.increment(error);
  }
  return stopped;
}

}  // namespace holdfast
