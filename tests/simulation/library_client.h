// A client made of the C++ library's own lock logic (clients/cpp/core), on simulated
// time and over the simulated network.
//
// What the library decides is what is tested: when to retry, when a lease still
// counts, when it is renewed and when it is lost: the lease table and its driver. Only what
// is made of threads (ClientCore, LockCore) is left out. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_LIBRARY_CLIENT_H_
#define HOLDFAST_TESTS_SIMULATION_LIBRARY_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tests/simulation/client.h"
#include "tests/simulation/process.h"

namespace holdfast::simulation {

class LibraryClient final : public Client {
 public:
  LibraryClient(const ClientWorld& world, const ClientPlan& plan, ClockSkew skew);
  ~LibraryClient() override;

  void Start() override;
  void WindDown() override;
  bool idle() const override;
  void DieAndRestart() override;
  std::uint32_t number() const override;
  Process& process() override { return process_; }

 private:
  class Life;  // One process: the library, and the program that uses it.

  void BeginLife();

  const ClientWorld world_;
  const ClientPlan plan_;
  Process process_;
  std::size_t first_channel_ = 0;
  bool winding_down_ = false;
  std::unique_ptr<Life> life_;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_LIBRARY_CLIENT_H_
