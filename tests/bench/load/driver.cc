#include "tests/bench/load/driver.h"

#include <unistd.h>

#include <atomic>

#include "absl/strings/str_format.h"

namespace holdfast::bench {

std::string NextLeaseId() {
  static const std::string prefix =
      absl::StrFormat("%08x-%012x", getpid(),
                      std::chrono::system_clock::now().time_since_epoch().count() & 0xffffffffffff);
  static std::atomic<std::uint64_t> next{0};
  return absl::StrFormat("%s-%012x", prefix, next.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace holdfast::bench
