// The limits of the calls themselves, beside those of the lock table
// (engine/limits.h). Free of gRPC, because the flags are made of them.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_RPC_LIMITS_H_
#define HOLDFAST_SERVICES_LOCK_RPC_RPC_LIMITS_H_

#include <cstdint>

namespace holdfast {

// Each is a flag of holdfastd with the same name in kebab-case.
struct RpcLimits {
  // Wait calls that are open at the same time: ten of the tests' crowds.
  std::uint32_t max_open_waits = 100'000;

  // Watch calls that are open at the same time. Every event is matched against
  // each, on the engine's thread.
  std::uint32_t max_watches = 1'000;

  // Sessions that have a stream. The engine's limit, which is about as large as that of
  // the connections.
  std::uint32_t max_sessions = 10'000;

  // Operations of one session without an answer, most of them waits: the tests' largest
  // queues in one session.
  std::uint32_t max_session_operations = 16'384;

  // Events that a watch may be behind. More than a page of a snapshot; an event
  // has 3,000 bytes at the most and a few hundred as a rule.
  std::uint32_t max_watch_backlog = 10'000;

  // The longest request, in bytes: the largest valid one has about 3,000, and
  // unknown fields of newer clients are let through.
  std::uint32_t max_message_bytes = 65'536;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_RPC_LIMITS_H_
