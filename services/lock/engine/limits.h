// The engine's limits. Each is a flag of holdfastd with the same name in
// kebab-case (max_waiters_per_key: --max-waiters-per-key), where its unit and
// default are shown.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_LIMITS_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "services/common/clock.h"

namespace holdfast {

struct Limits {
  // Leases that are held at the same time.
  std::uint32_t max_leases = 1'000'000;

  // Waiters in one queue: the tests put 10,000 there, and a queue of more than
  // ten times that is a mistake of its clients.
  std::uint32_t max_waiters_per_key = 100'000;

  std::uint32_t max_waiters = 200'000;

  // Calls that wait at the same time, whether they stream or not. A waiter has one,
  // or for a while several, or none while it is parked.
  std::uint32_t max_open_waits = 100'000;

  // Used-up lease ids that are remembered. Past this the oldest are forgotten
  // before their five minutes are over.
  std::uint32_t max_ended_ids = 1'000'000;

  // Commands that wait for the engine.
  std::uint32_t max_pending_commands = 65'536;

  // How long a waiter without an open call keeps its place, and a grant that
  // was not delivered stays with its lease_id.
  Duration reattach_window = std::chrono::seconds(5);
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LIMITS_H_
