// Chance: lease ids, jitter, and pauses before trying again.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_RANDOM_H_
#define HOLDFAST_CLIENTS_CPP_CORE_RANDOM_H_

#include <algorithm>
#include <chrono>
#include <string>

#include "holdfast/time.h"

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

// How long to wait before trying again. Rises from `first` to `most` by half each time. Each pause
// is drawn from the upper half of its range, so that clients which were cut off together do not
// come back together. Thread-compatible.
class Backoff {
 public:
  Backoff(Duration first, Duration most) : first_(first), most_(most), next_(first) {}

  Duration Next(Random& random) {
    const Duration pause = next_ / 2 + Scale(next_ / 2, random.Fraction());
    next_ = std::min(most_, next_ + next_ / 2);
    return pause;
  }

  // Something went well.
  void Reset() { next_ = first_; }

 private:
  static Duration Scale(Duration span, double factor) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, Duration::period>(
        static_cast<double>(span.count()) * factor));
  }

  Duration first_;
  Duration most_;
  Duration next_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_RANDOM_H_
