// What one run of the simulation is like: who takes part, and what goes wrong how
// often. Drawn from the seed.
//
// Not everything goes wrong in every run: each kind of fault is there in some and not
// in others, because a fault that happens all the time hides what only shows without
// it.

#ifndef HOLDFAST_TESTS_SIMULATION_PLAN_H_
#define HOLDFAST_TESTS_SIMULATION_PLAN_H_

#include <chrono>
#include <optional>

#include "tests/simulation/chance.h"
#include "tests/simulation/client.h"
#include "tests/simulation/network.h"
#include "tests/simulation/server.h"

namespace holdfast::simulation {

// How long it is, on average, from one fault of a kind to the next. Absent: there is
// none in this run.
struct FaultPlan {
  std::optional<Duration> server_crash;
  std::optional<Duration> server_end;    // SIGTERM.
  std::optional<Duration> server_pause;  // SIGSTOP.
  std::optional<Duration> disk_failure;  // A commit that fails.
  std::optional<Duration> cut;           // Of one connection.
  std::optional<Duration> stall;         // Of one connection.
  std::optional<Duration> client_pause;
  std::optional<Duration> client_death;
  Duration longest_pause = std::chrono::seconds(8);
  Duration longest_down_time = std::chrono::seconds(3);
};

struct Plan {
  int raw_clients = 0;
  int library_clients = 0;
  int session_clients = 0;
  int clock_skew_ppm = 0;  // Clocks are off by up to this, either way.
  bool forces = false;     // An administrator takes locks from their holders.
  Duration faults_until{};
  // How long everything goes on as usual when the faults are over.
  Duration calm = std::chrono::seconds(4);
  ServerPlan server;
  NetworkPlan network;
  ClientPlan client;
  FaultPlan faults;
};

Plan DrawPlan(Chance& chance);

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_PLAN_H_
