// Takes many leases and keeps them.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_LEASES_H_
#define HOLDFAST_TESTS_BENCH_LOAD_LEASES_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/bench/load/driver.h"

namespace holdfast::bench {

struct KeptLease {
  std::string key;
  std::string lease_id;
};

// Acquires so many leases, with `outstanding` acquires under way. expire() is asked
// for each just before it is acquired, on any thread. Fewer are returned if an acquire
// has failed.
std::vector<KeptLease> AcquireMany(Driver& driver, int leases, int outstanding,
                                   const std::function<std::chrono::milliseconds()>& expire);

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_LEASES_H_
