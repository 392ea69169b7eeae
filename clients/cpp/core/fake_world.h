// Everything that the lock logic runs in, faked.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_FAKE_WORLD_H_
#define HOLDFAST_CLIENTS_CPP_CORE_FAKE_WORLD_H_

#include <string>
#include <utility>

#include "clients/cpp/core/fake_loop.h"
#include "clients/cpp/core/fake_transport.h"
#include "clients/cpp/core/random.h"

namespace holdfast::core {

// Lease ids are "lease-1", "lease-2" and so on; jitter is as small as it can be, or as the
// test says.
class FakeRandom final : public Random {
 public:
  std::string NewLeaseId() override { return "lease-" + std::to_string(++ids_); }
  double Fraction() override { return fraction; }

  double fraction = 0.0;

 private:
  int ids_ = 0;
};

// Thread-compatible.
struct FakeWorld {
  FakeLoop loop;
  FakeTransport transport;
  FakeRandom random;

  void InTask(Task task) { loop.Run(std::move(task)); }
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_FAKE_WORLD_H_
