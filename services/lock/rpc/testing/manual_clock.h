// A clock of which time stands still until it is moved. Thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_TESTING_MANUAL_CLOCK_H_
#define HOLDFAST_SERVICES_LOCK_RPC_TESTING_MANUAL_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "services/common/clock.h"

namespace holdfast {

class ManualClock final : public Clock {
 public:
  Now Read() const override { return {.monotonic = Instant(Duration(nanoseconds_.load()))}; }
  void Advance(Duration by) { nanoseconds_ += by.count(); }

 private:
  std::atomic<std::int64_t> nanoseconds_{1'000'000'000};
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_TESTING_MANUAL_CLOCK_H_
