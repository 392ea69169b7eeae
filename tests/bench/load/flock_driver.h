// flock(2) on one file a lock, with a thread a slot, as programs use it.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_FLOCK_DRIVER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_FLOCK_DRIVER_H_

#include <string>

#include "tests/bench/load/driver.h"

namespace holdfast::bench {

// The address is a folder, which must exist. The file is opened for each acquire and
// closed by the release.
class FlockDriver final : public Driver {
 public:
  explicit FlockDriver(const DriverOptions& options) : folder_(options.address) {}

  void Prepare(Slot& slot) override;
  void Acquire(Slot& slot) override;
  void Release(Slot& slot) override;

 private:
  class Caller;

  const std::string folder_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_FLOCK_DRIVER_H_
