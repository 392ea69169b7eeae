// What a process uses, as /proc tells it.

#ifndef HOLDFAST_TESTS_SUPPORT_PROCESS_USAGE_H_
#define HOLDFAST_TESTS_SUPPORT_PROCESS_USAGE_H_

#include <sys/types.h>

#include <chrono>

namespace holdfast {

// How many file descriptors are open. 0: there is no such process.
int OpenFiles(pid_t pid);

// User and system time of all its threads so far, in the kernel's ticks of 10 ms.
std::chrono::milliseconds CpuTime(pid_t pid);

// Resident memory in bytes.
long ResidentBytes(pid_t pid);

// Whether all its threads are stopped by SIGSTOP: they stop one after the other.
bool IsStopped(pid_t pid);

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_PROCESS_USAGE_H_
