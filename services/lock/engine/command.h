// What the engine is asked to do. Plain values, already validated: the engine
// does not check sizes or characters again.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_COMMAND_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "services/common/clock.h"
#include "services/lock/engine/lease.h"

namespace holdfast {

// Names one call for as long as the process lives.
enum class CallId : std::uint64_t {};

// Wait for as long as the call is open.
inline constexpr Duration kNoTimeout = Duration::max();

struct AcquireCommand {
  LeaseSpec spec;
  Duration timeout{};         // Zero: try once.
  bool report_queue = false;  // Answer with Queued outcomes while waiting.
  Instant received;           // When the server got the call.
};

struct ReleaseCommand {
  std::string key;
  std::string lease_id;
};

struct RenewCommand {
  std::string key;
  std::string lease_id;
  std::optional<Duration> expire;  // Absent: as before.
  Instant received;
};

struct GetCommand {
  std::string key;
};

struct ListCommand {
  std::string key_prefix;
  std::vector<std::string> tags;  // All of these on one lease.
  std::string after_key;          // Begin behind this key; empty: at the first.
  std::uint32_t page_size = 0;    // At least 1.
};

// The caller has gone away. If `call` still waits, it is answered with
// Refusal::kCancelled; otherwise nothing happens.
struct CancelCommand {
  CallId call{};
};

// A Granted outcome did not reach its caller.
struct UndeliveredCommand {
  std::string lease_id;
};

// The server is about to stop: every waiting call is answered with
// Refusal::kStopping. Leases stay.
struct DrainCommand {};

using CommandBody = std::variant<AcquireCommand, ReleaseCommand, RenewCommand, GetCommand,
                                 ListCommand, CancelCommand, UndeliveredCommand, DrainCommand>;

struct Command {
  CallId call{};  // Who gets the outcomes. Cancel and Undelivered have none.
  CommandBody body;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_COMMAND_H_
