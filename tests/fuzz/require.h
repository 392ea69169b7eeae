// How a fuzz target says that something is wrong: by ending the process, which
// makes libFuzzer keep the input.

#ifndef HOLDFAST_TESTS_FUZZ_REQUIRE_H_
#define HOLDFAST_TESTS_FUZZ_REQUIRE_H_

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace holdfast::fuzz {

// `rule` is what should have been true; `seen` is what was there instead.
[[noreturn]] inline void Broken(std::string_view rule, std::string_view seen = "") {
  const std::string line = "broken: " + std::string(rule) +
                           (seen.empty() ? "" : "\n  seen: " + std::string(seen)) + "\n";
  std::fputs(line.c_str(), stderr);
  std::abort();
}

inline void Require(bool holds, std::string_view rule, std::string_view seen = "") {
  if (!holds) Broken(rule, seen);
}

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_REQUIRE_H_
