// A set of keys by prefixes, in order: the first that a key begins with says whether the
// key is in the set. A key that begins with none is not.
//
// Such sets are what access rules come to for one caller. The engine knows no rules, only
// which keys a listing, a watch or a release by tag may be about.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_KEY_SET_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_KEY_SET_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// A plain value, thread-compatible.
struct KeySet {
  struct Part {
    std::string prefix;  // Empty: every key.
    bool in = false;

    bool operator==(const Part&) const = default;
  };
  std::vector<Part> parts;

  bool Contains(std::string_view key) const {
    for (const Part& part : parts) {
      if (key.starts_with(part.prefix)) return part.in;
    }
    return false;
  }

  // The least key behind `key` that may be answered otherwise: all in between are as `key`
  // is. So a walk over many keys can skip those that are not in the set. Nothing: no later
  // key is.
  std::optional<std::string> NextBoundary(std::string_view key) const;

  bool operator==(const KeySet&) const = default;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_KEY_SET_H_
