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
  // Leases held at the same time.
  std::uint32_t max_leases = 1'000'000;

  // Waiters in one queue. The tests use 10,000; more than ten times that is a
  // client's mistake.
  std::uint32_t max_waiters_per_key = 100'000;

  std::uint32_t max_waiters = 200'000;

  // Calls waiting at the same time, streaming or not. A waiter normally has one;
  // briefly several after a retry; none while it is parked.
  std::uint32_t max_open_waits = 100'000;

  // Ended lease_ids that are remembered. Beyond this the oldest are forgotten
  // before their five minutes are over.
  std::uint32_t max_ended_ids = 1'000'000;

  // Commands waiting for the engine.
  std::uint32_t max_pending_commands = 65'536;

  // Sessions that have a stream, or had one within the reattach window.
  std::uint32_t max_sessions = 10'000;

  // How long a waiter without an open call keeps its place, and a grant that
  // was not delivered stays with its lease_id, and the server knows a session without a
  // stream.
  Duration reattach_window = std::chrono::seconds(5);
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_LIMITS_H_
