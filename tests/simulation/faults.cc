#include "tests/simulation/faults.h"

#include <chrono>

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;

}  // namespace

void Faults::Begin() {
  Repeat(plan_.server_crash, &Faults::CrashServer);
  Repeat(plan_.server_end, &Faults::EndServer);
  Repeat(plan_.server_pause, &Faults::PauseServer);
  Repeat(plan_.disk_failure, &Faults::FailDisk);
  Repeat(plan_.cut, &Faults::Cut);
  Repeat(plan_.stall, &Faults::Stall);
  Repeat(plan_.client_pause, &Faults::PauseClient);
  Repeat(plan_.client_death, &Faults::KillClient);
}

void Faults::Repeat(std::optional<Duration> every, void (Faults::*fault)()) {
  if (!every.has_value()) return;
  world_.timeline.After(world_.chance.Between(Duration(1), 2 * *every), [this, every, fault] {
    if (over_) return;
    (this->*fault)();
    Repeat(every, fault);
  });
}

void Faults::End() {
  over_ = true;
  world_.disk.Heal();
  world_.server.Heal();
  world_.network.Heal();
  ResumeServer();
  for (const std::unique_ptr<Client>& client : world_.clients) {
    if (client->process().stopped()) client->Continue();
  }
}

void Faults::OnServerDeath() {
  world_.network.ServerDied();
  const Duration longest = over_ ? milliseconds(10) : plan_.longest_down_time;
  world_.timeline.After(world_.chance.Skewed(milliseconds(1), longest), [this] {
    if (!world_.server.running()) world_.server.Start();
  });
}

void Faults::PauseServer() {
  if (world_.server.process().stopped()) return;
  world_.server.Pause();
  world_.timeline.After(world_.chance.Skewed(milliseconds(10), plan_.longest_pause),
                        [this] { ResumeServer(); });
}

void Faults::ResumeServer() {
  if (!world_.server.process().stopped()) return;
  // In this order: what wakes the server runs before it reads its sockets.
  world_.server.Resume();
  world_.network.ServerResumed();
}

void Faults::Stall() {
  // One after the other: compilers differ in the order of arguments.
  const std::size_t channel = world_.chance.Below(world_.network.channels());
  world_.network.Stall(channel, world_.chance.Skewed(milliseconds(10), kLongestStall));
}

void Faults::PauseClient() {
  Client& client = *world_.chance.Pick(world_.clients);
  if (client.process().stopped()) return;
  client.Pause();
  world_.timeline.After(world_.chance.Skewed(milliseconds(10), plan_.longest_pause), [&client] {
    if (client.process().stopped()) client.Continue();
  });
}

}  // namespace holdfast::simulation
