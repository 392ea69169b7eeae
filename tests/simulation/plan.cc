#include "tests/simulation/plan.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two clocks may differ by 2 in a thousand (clients/cpp/core/lease_times.h), so one may
// differ from the time line by half of that.
constexpr int kLargestSkew = 950;

std::optional<Duration> MaybeEvery(Chance& chance, Duration least, Duration most) {
  if (!chance.Permille(350)) return std::nullopt;
  return chance.Between(least, most);
}

unsigned MaybeUpTo(Chance& chance, unsigned most_permille) {
  return chance.Permille(400) ? static_cast<unsigned>(chance.Below(most_permille) + 1) : 0;
}

}  // namespace

Plan DrawPlan(Chance& chance) {
  Plan plan;
  plan.raw_clients = static_cast<int>(1 + chance.Below(5));
  plan.library_clients = static_cast<int>(chance.Below(3));
  plan.faults_until = chance.Between(seconds(5), seconds(25));
  // In half of the runs, in place of others: a session is worth several clients.
  if (chance.Permille(500)) {
    plan.session_clients = static_cast<int>(1 + chance.Below(2));
    plan.raw_clients = std::min(plan.raw_clients, 2);
    plan.library_clients = std::min(plan.library_clients, 1);
    plan.faults_until = std::min<Duration>(plan.faults_until, seconds(18));
  }
  plan.clock_skew_ppm = chance.Permille(500) ? kLargestSkew : 0;
  plan.forces = chance.Permille(150);

  plan.server.limits.reattach_window = chance.Permille(300) ? seconds(5) : milliseconds(500);
  plan.server.slow_commits_permille = MaybeUpTo(chance, chance.Permille(300) ? 500 : 50);
  plan.server.slowest_commit = milliseconds(800);
  plan.server.slow_writes_permille = MaybeUpTo(chance, 300);

  plan.network.longest_delay = chance.Permille(300) ? milliseconds(200) : milliseconds(5);
  plan.network.lost_requests_permille = MaybeUpTo(chance, 50);
  plan.network.lost_answers_permille = MaybeUpTo(chance, 50);
  plan.network.repeated_requests_permille = MaybeUpTo(chance, 200);

  const auto keys = 1 + chance.Below(3);
  for (std::uint64_t i = 0; i < keys; ++i) plan.client.keys.push_back("key-" + std::to_string(i));
  plan.client.longest_expire = chance.Skewed(milliseconds(200), seconds(20));
  plan.client.longest_hold = chance.Skewed(milliseconds(50), seconds(5));
  plan.client.longest_idle = chance.Skewed(milliseconds(500), seconds(4));
  plan.client.no_expire_permille = MaybeUpTo(chance, 300);
  plan.client.overtakes_permille = MaybeUpTo(chance, 150);
  plan.client.forgets_permille = MaybeUpTo(chance, 200);
  plan.client.duplicates_permille = MaybeUpTo(chance, 300);
  plan.client.impatient_permille = MaybeUpTo(chance, 300);
  plan.client.max_hold_permille = MaybeUpTo(chance, 400);

  // In some runs everybody wants the same lock and waits for it.
  if (chance.Permille(300)) {
    plan.raw_clients += plan.session_clients > 0 ? 2 : 4;
    plan.client.keys.resize(1);
    plan.client.tries_permille = 20;
    plan.client.longest_idle = milliseconds(300);
  }

  // Some runs are so short that every order of their calls can be tried.
  if (chance.Permille(100)) {
    plan.raw_clients = std::min(plan.raw_clients, 3);
    plan.session_clients = std::min(plan.session_clients, 1);
    plan.faults_until = chance.Between(milliseconds(100), milliseconds(1'500));
    plan.calm = {};
    plan.client.longest_hold = milliseconds(100);
    plan.client.longest_idle = milliseconds(300);
  }

  plan.faults.server_crash = MaybeEvery(chance, seconds(1), seconds(15));
  plan.faults.server_end = MaybeEvery(chance, seconds(2), seconds(20));
  plan.faults.server_pause = MaybeEvery(chance, seconds(2), seconds(15));
  plan.faults.disk_failure = MaybeEvery(chance, seconds(2), seconds(20));
  plan.faults.cut = MaybeEvery(chance, milliseconds(50), seconds(5));
  plan.faults.stall = MaybeEvery(chance, milliseconds(500), seconds(5));
  plan.faults.client_pause = MaybeEvery(chance, milliseconds(500), seconds(10));
  plan.faults.client_death = MaybeEvery(chance, milliseconds(300), seconds(10));
  return plan;
}

}  // namespace holdfast::simulation
