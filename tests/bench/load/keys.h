// The names that are locked.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_KEYS_H_
#define HOLDFAST_TESTS_BENCH_LOAD_KEYS_H_

#include <unistd.h>

#include <string>

#include "absl/strings/str_format.h"

namespace holdfast::bench {

// 20 bytes, other ones in each process: an earlier one may have left its own held.
inline std::string KeyOf(int number) {
  return absl::StrFormat("orders/%06x%07d", getpid() & 0xffffff, number);
}

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_KEYS_H_
