// What the lock logic runs in. One per client, and one per test.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_ENVIRONMENT_H_
#define HOLDFAST_CLIENTS_CPP_CORE_ENVIRONMENT_H_

#include "clients/cpp/core/clock.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/random.h"
#include "clients/cpp/core/scheduler.h"

namespace holdfast::core {

// References to what outlives every task, call and timer; and the clock, which
// outlives every lease.
struct Environment {
  const Clock& clock;
  Scheduler& scheduler;
  LockTransport& transport;
  Random& random;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_ENVIRONMENT_H_
