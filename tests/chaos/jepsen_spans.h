// What the Jepsen case (jepsen_case.h) and its clients have to agree on.

#ifndef HOLDFAST_TESTS_CHAOS_JEPSEN_SPANS_H_
#define HOLDFAST_TESTS_CHAOS_JEPSEN_SPANS_H_

#include <chrono>
#include <string>

namespace holdfast::chaos {

inline constexpr int kJepsenClients = 5;
inline constexpr std::chrono::seconds kJepsenExpire(2);
inline constexpr std::chrono::seconds kJepsenPauseEvery(5);
inline constexpr std::chrono::seconds kJepsenPause(3);

// How long the steps of a holder take.
struct JepsenSpan {
  std::chrono::milliseconds least;
  std::chrono::milliseconds most;
};
// Between its read and its look at the lease.
inline constexpr JepsenSpan kJepsenWork{std::chrono::milliseconds(5),
                                        std::chrono::milliseconds(15)};
// Between that and its write. In a real program this is where a garbage collector, a
// page fault or a slow connection strikes.
inline constexpr JepsenSpan kJepsenWindow{std::chrono::milliseconds(10),
                                          std::chrono::milliseconds(30)};

// The owner by which a client's leases are known.
inline std::string JepsenOwner(int client) { return "client-" + std::to_string(client); }

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_JEPSEN_SPANS_H_
