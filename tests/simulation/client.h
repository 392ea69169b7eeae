// What the runner of a simulation needs of a client, whatever it is made of.

#ifndef HOLDFAST_TESTS_SIMULATION_CLIENT_H_
#define HOLDFAST_TESTS_SIMULATION_CLIENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/chance.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/fenced_store.h"
#include "tests/simulation/network.h"
#include "tests/simulation/process.h"
#include "tests/simulation/recorder.h"
#include "tests/simulation/timeline.h"

namespace holdfast::simulation {

// How clients behave. What one of them does when is drawn anew each time.
struct ClientPlan {
  std::vector<std::string> keys;
  Duration longest_expire = std::chrono::seconds(5);
  Duration longest_hold = std::chrono::seconds(3);
  Duration longest_idle = std::chrono::seconds(2);
  unsigned no_expire_permille = 0;     // Leases that last until they are released.
  unsigned tries_permille = 200;       // Acquires that do not wait.
  unsigned renews_permille = 600;      // Holders that renew.
  unsigned overstays_permille = 100;   // Holders that let the lease lapse.
  unsigned forgets_permille = 50;      // Callers that leave a broken call to itself.
  unsigned overtakes_permille = 50;    // Releases that are sent right behind the acquire.
  unsigned duplicates_permille = 100;  // Acquires that are sent again when all is over.
  unsigned impatient_permille = 100;   // Waiters who leave before their timeout.
  unsigned max_hold_permille = 0;      // Leases that end whatever their renewals.
};

// All of these outlive the client.
struct ClientWorld {
  Timeline& timeline;
  Chance& chance;
  Recorder& recorder;
  Network& network;
  FencedStore& store;
  const Disk& disk;  // To look behind the scenes; clients cannot.
  // A number that no client has had.
  std::function<std::uint32_t()> next_number;
};

// Thread-compatible.
class Client {
 public:
  virtual ~Client() = default;

  virtual void Start() = 0;

  // Begins nothing new from now on, and brings to an end what it has begun.
  virtual void WindDown() = 0;

  // Nothing is under way. Only after WindDown.
  virtual bool idle() const = 0;

  // The process dies, and another one takes its place.
  virtual void DieAndRestart() = 0;

  // As the history numbers the process of the moment.
  virtual std::uint32_t number() const = 0;

  virtual Process& process() = 0;

  // SIGSTOP and SIGCONT.
  void Pause() {
    process().Stop();
    recorder_.Record(number(), 0, history::ClientStopped{});
  }
  void Continue() {
    recorder_.Record(number(), 0, history::ClientContinued{});
    process().Continue();
  }

 protected:
  // `recorder` outlives it.
  explicit Client(Recorder& recorder) : recorder_(recorder) {}

 private:
  Recorder& recorder_;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_CLIENT_H_
