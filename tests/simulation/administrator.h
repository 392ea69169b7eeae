// Somebody who looks after locks: takes them by force from holders that may be dead.
// Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_ADMINISTRATOR_H_
#define HOLDFAST_TESTS_SIMULATION_ADMINISTRATOR_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tests/simulation/caller.h"
#include "tests/simulation/client.h"
#include "tests/simulation/process.h"

namespace holdfast::simulation {

class Administrator {
 public:
  Administrator(const ClientWorld& world, std::vector<std::string> keys);

  // Takes some lock from its holder every now and then, until told to end.
  void Begin();
  void End() { over_ = true; }

  // Takes every lock from its holder.
  void ClearAll();

 private:
  void Continue();
  // Looks who holds the lock, and ends just that lease.
  void Clear(const std::string& key);

  const ClientWorld world_;
  const std::vector<std::string> keys_;
  Process process_;
  const std::size_t channel_;
  Caller caller_;
  bool over_ = false;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_ADMINISTRATOR_H_
