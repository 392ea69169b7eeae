// Makes things go wrong, as the plan says, until they are to be right again.
// Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_FAULTS_H_
#define HOLDFAST_TESTS_SIMULATION_FAULTS_H_

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "tests/simulation/chance.h"
#include "tests/simulation/client.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/network.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/server.h"
#include "tests/simulation/timeline.h"

namespace holdfast::simulation {

class Faults {
 public:
  // For how long a connection stalls.
  static constexpr Duration kLongestStall = std::chrono::seconds(5);

  // All of these outlive it.
  struct World {
    Timeline& timeline;
    Chance& chance;
    Disk& disk;
    Server& server;
    Network& network;
    std::vector<std::unique_ptr<Client>>& clients;
  };

  Faults(World world, const FaultPlan& plan) : world_(world), plan_(plan) {}

  void Begin();

  // No more of it: whoever is stopped goes on, whoever is down comes back.
  void End();

  // To be told whenever the server's process has ended.
  void OnServerDeath();

 private:
  void Repeat(std::optional<Duration> every, void (Faults::*fault)());

  void CrashServer() {
    if (world_.server.running()) world_.server.Crash();
  }
  void EndServer() { world_.server.Terminate(); }
  void PauseServer();
  void FailDisk() { world_.disk.FailNextCommit(world_.chance.Permille(500)); }
  void Cut() { world_.network.Cut(world_.chance.Below(world_.network.channels())); }
  void Stall();
  void PauseClient();
  void KillClient() { world_.chance.Pick(world_.clients)->DieAndRestart(); }
  void ResumeServer();

  const World world_;
  const FaultPlan plan_;
  bool over_ = false;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_FAULTS_H_
