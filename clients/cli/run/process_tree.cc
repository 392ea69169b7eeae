#include "clients/cli/run/process_tree.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/file_descriptor.h"

namespace holdfast::cli {
namespace {

// Absent: it has ended.
std::optional<Process> ReadProcess(pid_t id) {
  std::string line;
  std::getline(std::ifstream("/proc/" + std::to_string(id) + "/stat"), line);
  // The second field, the program's name in brackets, may hold anything.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  Process process{.id = id};
  char state = 0;
  if (std::sscanf(line.c_str() + name_end + 1, " %c %d %d %d", &state, &process.parent,
                  &process.group, &process.session) != 4) {
    return std::nullopt;
  }
  if (state == 'Z' || state == 'X') return std::nullopt;
  return process;
}

std::vector<Process> FindProcesses() {
  std::vector<Process> processes;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
  if (folder == nullptr) return processes;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name(entry->d_name);
    pid_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (const auto process = ReadProcess(id); process.has_value()) processes.push_back(*process);
  }
  return processes;
}

// Returns when the process has ended.
void AwaitEnd(pid_t id) {
  // glibc 2.36 declares pidfd_open for C only.
  const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, id, 0)));
  if (!process.valid()) return;  // It has ended.
  pollfd ended{.fd = process.get(), .events = POLLIN};
  poll(&ended, 1, -1);
}

}  // namespace

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

std::vector<Process> FindDescendants(Descendants which) {
  const std::vector<Process> processes = FindProcesses();
  // Children may have smaller numbers than their parents, so the tree is grown from its
  // root until nothing is added any more.
  std::set<pid_t> family = {getpid()};
  std::size_t size = 0;
  while (size != family.size()) {
    size = family.size();
    for (const Process& process : processes) {
      if (family.contains(process.parent)) family.insert(process.id);
    }
  }
  std::vector<Process> descendants;
  const pid_t session = getsid(0);
  for (const Process& process : processes) {
    if (process.id == getpid() || !family.contains(process.id)) continue;
    if (which == Descendants::kOwnSession && process.session != session) continue;
    descendants.push_back(process);
  }
  return descendants;
}

bool KillDescendants(Descendants which) {
  for (;;) {
    const std::vector<Process> living = FindDescendants(which);
    if (living.empty()) return true;
    std::optional<pid_t> dying;
    for (const Process& process : living) {
      if (kill(process.id, SIGKILL) == 0) dying = process.id;
    }
    if (!dying.has_value()) return false;
    // Then look again: they may have had children in the meantime.
    AwaitEnd(*dying);
  }
}

}  // namespace holdfast::cli
