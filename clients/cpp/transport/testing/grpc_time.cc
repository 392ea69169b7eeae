#include "clients/cpp/transport/testing/grpc_time.h"

#include <dlfcn.h>
#include <grpc/support/sync.h>
#include <grpc/support/time.h>

#include <atomic>
#include <cstdint>

// gRPC's clocks ask this function; its own tests replace it too.
extern gpr_timespec (*gpr_now_impl)(gpr_clock_type clock);

namespace holdfast::core {
namespace {

gpr_timespec (*const g_system_now)(gpr_clock_type) = gpr_now_impl;
std::atomic<std::int64_t> g_ahead{0};  // Nanoseconds.

gpr_timespec Now(gpr_clock_type clock) {
  return gpr_time_add(g_system_now(clock), gpr_time_from_nanos(g_ahead, GPR_TIMESPAN));
}

// Before there are threads.
[[maybe_unused]] const bool g_in_place = [] {
  gpr_now_impl = &Now;
  return true;
}();

}  // namespace

void AdvanceGrpcTime(std::chrono::nanoseconds span) { g_ahead += span.count(); }

}  // namespace holdfast::core

// In place of gRPC's own, which would wait by the system's clock. Wakes up every few
// milliseconds to look whether the time was moved on; those who wait have to look again
// anyway what for.
int gpr_cv_wait(gpr_cv* cv, gpr_mu* mutex, gpr_timespec deadline) {
  using Wait = int (*)(gpr_cv*, gpr_mu*, gpr_timespec);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  static const auto wait = reinterpret_cast<Wait>(dlsym(RTLD_NEXT, "gpr_cv_wait"));
  const gpr_timespec forever = gpr_inf_future(deadline.clock_type);
  if (gpr_time_cmp(deadline, forever) == 0) return wait(cv, mutex, deadline);
  // By a clock that gRPC takes as it is.
  const gpr_timespec now = holdfast::core::g_system_now(GPR_CLOCK_REALTIME);
  wait(cv, mutex, gpr_time_add(now, gpr_time_from_millis(5, GPR_TIMESPAN)));
  return gpr_time_cmp(deadline, gpr_now(deadline.clock_type)) <= 0 ? 1 : 0;
}
