// Malformed input over raw connections into a live server, while others use it.

#ifndef HOLDFAST_TESTS_FUZZ_MALFORMED_INPUT_RUN_H_
#define HOLDFAST_TESTS_FUZZ_MALFORMED_INPUT_RUN_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::fuzz {

struct MalformedInputPlan {
  std::uint64_t seed = 1;

  // It ends after this many connections, or when this much time has passed.
  int connections = 0;
  std::chrono::nanoseconds limit{};
};

struct MalformedInputReport {
  std::map<std::string, int> sent;    // How many connections, by the kind of malformed input.
  std::uint64_t bytes = 0;            // That the server took.
  std::uint64_t rounds = 0;           // Of those who used the server meanwhile.
  std::vector<std::string> troubles;  // Whatever should not have been so.
};

// Starts a server, sends the malformed input over TCP and over its Unix socket, and looks
// whether everybody else was served, whether the server still runs, and whether it
// has all of its descriptors, waits and watches back. To be called on the main thread
// (tests/support/child_process.h).
MalformedInputReport RunMalformedInput(const MalformedInputPlan& plan);

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_MALFORMED_INPUT_RUN_H_
