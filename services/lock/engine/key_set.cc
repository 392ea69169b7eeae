#include "services/lock/engine/key_set.h"

#include <utility>

namespace holdfast {
namespace {

// The least key behind all that begin with `prefix`. Empty: there is none.
std::string EndOf(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace

std::optional<std::string> KeySet::NextBoundary(std::string_view key) const {
  std::optional<std::string> next;
  const auto consider = [&](std::string boundary) {
    if (boundary > key && (!next.has_value() || boundary < *next)) next = std::move(boundary);
  };
  for (const Part& part : parts) {
    consider(part.prefix);
    consider(EndOf(part.prefix));
  }
  return next;
}

}  // namespace holdfast
