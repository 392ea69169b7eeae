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
  std::optional<Duration> expire;  // Absent: as before. Never shortens the lease.
  Instant received;
};

struct GetCommand {
  std::string key;
};

struct ListCommand {
  LeaseFilter filter;           // Empty: waiters alone are enough to be listed.
  std::string after_key;        // Begin behind this key; empty: at the first.
  std::uint32_t page_size = 0;  // At least 1.
};

// Ends whatever lease is on the lock; or only the one with this token, which
// makes it safe to send again.
struct ForceReleaseCommand {
  std::string key;
  std::optional<std::uint64_t> fencing_token;
};

// Ends, or with `dry_run` only shows, a page of the leases that match.
struct ReleaseByTagCommand {
  std::vector<std::string> tags;  // At least one; in byte order, without repeats.
  bool dry_run = false;
  std::string after_key;  // As of ListCommand.
  // Spare leases with a larger token: they were granted later. Absent: those
  // that are granted later than now.
  std::optional<std::uint64_t> max_fencing_token;
};

// Watches leases: Watched outcomes until it is cancelled.
struct WatchCommand {
  LeaseFilter filter;
};

// `call`, which watches, is ready for the next page of its snapshot.
struct WatchNextPageCommand {
  CallId call{};
};

// The caller has gone away. If `call` still waits or watches, it is answered with
// Refusal::kCancelled; otherwise nothing happens.
struct CancelCommand {
  CallId call{};
};

// A Granted outcome did not reach its caller. At most once for each outcome. The
// report may be late: when the id has been forgotten and granted anew meanwhile,
// only the token says which grant it was.
struct UndeliveredCommand {
  std::string lease_id;
  std::uint64_t fencing_token = 0;
};

// The server is about to stop: every call that waits or watches is answered with
// Refusal::kStopping. Leases stay.
struct DrainCommand {};

using CommandBody =
    std::variant<AcquireCommand, ReleaseCommand, RenewCommand, GetCommand, ListCommand,
                 ForceReleaseCommand, ReleaseByTagCommand, WatchCommand, WatchNextPageCommand,
                 CancelCommand, UndeliveredCommand, DrainCommand>;

struct Command {
  CallId call{};  // Who gets the outcomes. Only some have any: ExpectsOutcome.
  CommandBody body;
};

// Cancel, Undelivered and WatchNextPage have no outcome of their own.
inline bool ExpectsOutcome(const CommandBody& body) {
  return !std::holds_alternative<CancelCommand>(body) &&
         !std::holds_alternative<UndeliveredCommand>(body) &&
         !std::holds_alternative<WatchNextPageCommand>(body);
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_COMMAND_H_
