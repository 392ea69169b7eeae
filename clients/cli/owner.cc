#include "clients/cli/owner.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

namespace holdfast::cli {
namespace {

// Neither a program's name nor a host's is sure to be UTF-8, and one odd byte would
// have the server refuse the request.
std::string Plain(std::string_view text, std::size_t limit) {
  std::string plain(text.substr(0, limit));
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return c < 0x21 || c > 0x7e; }, '?');
  return plain;
}

std::string Owner(std::string_view program, pid_t process) {
  std::array<char, 65> host{};  // Linux's longest name has 64 bytes.
  const bool named = gethostname(host.data(), host.size() - 1) == 0;
  const std::string where = Plain(named ? host.data() : "unknown", 64);
  // Stays below the 256 bytes that an owner may have.
  return Plain(program, 128) + "@" + where + ":" + std::to_string(process);
}

}  // namespace

std::string OwnerOfCommand(std::string_view program) {
  return Owner(program.substr(program.rfind('/') + 1), getpid());
}

std::string OwnerOfCaller() {
  const pid_t caller = getppid();
  std::string name;
  std::getline(std::ifstream("/proc/" + std::to_string(caller) + "/comm"), name);
  return Owner(name.empty() ? "unknown" : name, caller);
}

}  // namespace holdfast::cli
