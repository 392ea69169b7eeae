// What a server uses, all its processes together.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_USAGE_H_
#define HOLDFAST_TESTS_BENCH_LOAD_USAGE_H_

#include <sys/types.h>

#include <cstdint>

#include "tests/bench/load/driver.h"

namespace holdfast::bench {

// User and system time of the process and of its living descendants. 0 if there is
// no such process, or for pid 0.
Microseconds CpuTime(pid_t pid);

// User and system time of this process.
Microseconds OwnCpuTime();

// How often threads of the process and of its descendants have gone to sleep or were
// put aside, all together.
std::int64_t ContextSwitches(pid_t pid);

// Returns when the process has taken next to no processor time for a while: what it
// was sent has been worked off. False: it was still busy after `limit`.
bool AwaitQuiet(pid_t pid, std::chrono::seconds limit);

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_USAGE_H_
