#include "clients/cpp/core/owner.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string>

namespace holdfast::core {
namespace {

// Neither part is sure to be UTF-8, and one odd byte would have the server refuse
// every request.
std::string Printable(std::string text, std::size_t limit) {
  text.resize(std::min(text.size(), limit));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x21 || c > 0x7e; }, '?');
  return text;
}

std::string HostName() {
  std::array<char, 65> name{};  // Linux's longest name has 64 bytes.
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace

std::string DefaultOwner() {
  // The two names and the number stay below 256 bytes together.
  return Printable(program_invocation_short_name, 128) + "@" + Printable(HostName(), 64) + ":" +
         std::to_string(getpid());
}

}  // namespace holdfast::core
