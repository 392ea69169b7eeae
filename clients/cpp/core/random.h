// Chance: lease ids, and jitter.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_RANDOM_H_
#define HOLDFAST_CLIENTS_CPP_CORE_RANDOM_H_

#include <string>

namespace holdfast::core {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;

  // A lease_id that was never used before.
  virtual std::string NewLeaseId() = 0;

  // At least 0, below 1.
  virtual double Fraction() = 0;
};

// From the kernel, so that a forked child gets other numbers than its parent.
// Lease ids are version 4 UUIDs. Lives for as long as the process.
Random& SystemRandom();

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_RANDOM_H_
