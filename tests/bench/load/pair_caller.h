// A caller that acquires and releases a key of its own, over and over.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_PAIR_CALLER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_PAIR_CALLER_H_

#include "tests/bench/load/driver.h"
#include "tests/bench/load/latencies.h"
#include "tests/bench/load/window.h"

namespace holdfast::bench {

// One pair is under way from Start until the window is over.
class PairCaller final : public Slot {
 public:
  PairCaller(Driver& driver, Window& window, int slot_number);

  void Start();
  void Done(bool ok) override;

  // Of the pairs that ended while the window was open. REQUIRES: it has left.
  const Latencies& latencies() const { return latencies_; }

 private:
  Driver& driver_;
  Window& window_;
  SteadyTime started_;
  bool acquiring_ = false;
  Latencies latencies_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_PAIR_CALLER_H_
