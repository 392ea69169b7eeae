// What a client of a chaos run does in one turn, drawn from its seed: which lock it takes
// and how, how long it holds it, and how it leaves it.
//
// A seed decides what is tried. What comes of it is up to threads, processes and
// faults, so a seed makes a run alike, not the same.

#ifndef HOLDFAST_TESTS_CHAOS_TURN_PLAN_H_
#define HOLDFAST_TESTS_CHAOS_TURN_PLAN_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace holdfast::chaos {

// The locks that only clients of the raw API fight for, and those that clients of the
// library fight for as well. What the library does between two calls that broke, and
// under which lease_ids, is not on record, so the history of a shared lock cannot show
// that it was free.
inline constexpr int kRawKeys = 4;
inline constexpr int kSharedKeys = 4;
std::string RawKey(int index);
std::string SharedKey(int index);
bool IsSharedKey(std::string_view key);

// Of this shared one, a holder is now and then robbed by force.
inline constexpr int kForced = 0;

// No lease lasts longer without a renewal, so this after the last client has gone
// nothing is held.
inline constexpr std::chrono::milliseconds kLongestExpire(1500);

struct TurnPlan {
  enum class How {
    kTry,     // Acquire without a timeout.
    kQueue,   // Acquire with a timeout.
    kWait,    // The Wait stream, with a timeout.
    kCancel,  // The Wait stream, cancelled after `timeout`.
  };
  enum class End {
    kRelease,
    kReleaseTwice,
    kLapse,  // Hold it until it is lost.
  };

  std::string key{};
  How how{};
  std::optional<std::chrono::milliseconds> expire{};  // Absent: until it is released.
  std::chrono::milliseconds timeout{};
  std::chrono::milliseconds hold{};
  bool renew = false;
  End end{};
  bool look = false;                 // Get, before and after.
  bool force = false;                // ForceRelease whoever holds it, in place of all this.
  std::chrono::milliseconds rest{};  // After the turn.
};

struct PlannerOptions {
  std::uint64_t seed = 0;
  bool raw_keys = false;  // Beside the shared ones.
  bool may_last = false;  // Some leases have no expiry.
};

// Thread-compatible.
class TurnPlanner {
 public:
  explicit TurnPlanner(const PlannerOptions& options) : options_(options), random_(options.seed) {}

  TurnPlan Next();

 private:
  int Between(int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random_);
  }
  std::chrono::milliseconds Span(int least_ms, int most_ms) {
    return std::chrono::milliseconds(Between(least_ms, most_ms));
  }
  std::chrono::milliseconds NearlyAll(std::optional<std::chrono::milliseconds> expire);
  bool Chance(int percent) { return Between(1, 100) <= percent; }

  const PlannerOptions options_;
  std::mt19937_64 random_;
};

}  // namespace holdfast::chaos

#endif  // HOLDFAST_TESTS_CHAOS_TURN_PLAN_H_
