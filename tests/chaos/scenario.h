// A chaos run of the real server, recorded and checked.
//
// Several processes of clients fight over a few locks of one server, which is killed,
// started again and paused in a loop, as are they. What all of them saw is merged into
// one history and given to the checker. Then everybody leaves, and nothing may be left
// behind.
//
//   clients ──▶ proxy, in some runs ──▶ holdfastd
//      └──────▶ guarded registers
//
// A seed decides which faults come and what clients try, not how they meet.

#ifndef HOLDFAST_TESTS_CHAOS_SCENARIO_H_
#define HOLDFAST_TESTS_CHAOS_SCENARIO_H_

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace holdfast::chaos {

// What lies between the clients and the server.
enum class Way {
  kDirect,     // Nothing.
  kCutting,    // A proxy that cuts connections: cutting_proxy.h.
  kReplaying,  // One that loses and repeats calls: replaying_proxy.h.
};

// As command lines spell it.
std::string ToString(Way way);

struct ScenarioOptions {
  Way way = Way::kDirect;
  std::uint64_t seed = 1;
  // In each the server is killed and started again, and by chance more happens.
  int cycles = 50;
};

struct ScenarioReport {
  // What is wrong, each with what there is to see of it. Empty: all is well.
  std::vector<std::string> findings{};

  // What happened.
  std::uint64_t server_kills = 0;
  std::uint64_t server_pauses = 0;
  std::uint64_t server_restarts = 0;  // In good order.
  std::uint64_t client_kills = 0;
  std::uint64_t client_pauses = 0;
  std::string proxy{};  // What the proxy did, in words.

  // What was recorded and checked.
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  std::uint64_t grants = 0;
  std::uint64_t unanswered = 0;  // Calls of which nobody knew what became.
  std::uint64_t losses = 0;      // Leases that their holders took for lost.
  std::uint64_t writes = 0;      // Accepted by the registers,
  std::uint64_t refused = 0;     // or refused for their token.
  double seconds = 0;
  double check_seconds = 0;
};

// Prints nothing. Use it on the main thread alone (see ChildProcess).
ScenarioReport RunScenario(const ScenarioOptions& options);

std::ostream& operator<<(std::ostream& out, const ScenarioReport& report);

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_SCENARIO_H_
