// The commands of the engine. Plain values, already validated: the engine does
// not check sizes or characters again.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_COMMAND_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_COMMAND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "services/common/clock.h"
#include "services/common/principal.h"
#include "services/lock/engine/key_set.h"
#include "services/lock/engine/lease.h"
#include "services/lock/engine/quota.h"

namespace holdfast {

// Identifies a call, uniquely for the life of the process.
enum class CallId : std::uint64_t {};

// Wait for as long as the call is open.
inline constexpr Duration kNoTimeout = Duration::max();

struct AcquireCommand {
  LeaseSpec spec;
  Duration timeout{};         // Zero: try once.
  bool report_queue = false;  // Send Queued outcomes while waiting.
  Instant received;           // When the server received the call.
  Principal principal{};      // Who calls.
  Quota quota{};              // How much it may have.
};

struct ReleaseCommand {
  std::string key;
  std::string lease_id;
};

struct RenewCommand {
  std::string key;
  std::string lease_id;
  std::optional<Duration> expire;  // Absent: unchanged. Never shortens the lease.
  Instant received;
};

struct GetCommand {
  std::string key;
};

struct ListCommand {
  LeaseFilter filter;           // Empty: includes locks that only have waiters.
  std::string after_key;        // Start after this key; empty: at the first.
  std::uint32_t page_size = 0;  // At least 1.
};

// Ends the lock's current lease, or only the one with this token, which makes the
// command safe to retry.
struct ForceReleaseCommand {
  std::string key;
  std::optional<std::uint64_t> fencing_token;
};

// Ends, or with `dry_run` only shows, one page of the matching leases.
struct ReleaseByTagCommand {
  std::vector<std::string> tags;  // At least one; in byte order, without repeats.
  bool dry_run = false;
  std::string after_key;  // As in ListCommand.
  // Spare leases with a larger token, which were granted later. Absent: spare
  // those granted after this command.
  std::optional<std::uint64_t> max_fencing_token;
  std::shared_ptr<const KeySet> among{};  // As in LeaseFilter.
};

// Watches leases: sends Watched outcomes until it is cancelled.
struct WatchCommand {
  LeaseFilter filter;
};

// The watch `call` is ready for the next page of its snapshot.
struct WatchNextPageCommand {
  CallId call{};
};

// The caller has gone. If `call` still waits or watches, it is answered with
// Refusal::kCancelled; otherwise nothing happens.
struct CancelCommand {
  CallId call{};
};

// A Granted outcome did not reach its caller. Sent at most once per outcome,
// perhaps late: if the id has been forgotten and granted again meanwhile, only
// the token tells which grant is meant.
struct UndeliveredCommand {
  std::string lease_id;
  std::uint64_t fencing_token = 0;
};

// The server is about to stop: every waiting or watching call is answered with
// Refusal::kStopping. Leases stay held.
struct DrainCommand {};

// A lease that a client says it holds.
struct ListedLease {
  std::string key;
  std::string lease_id;
};

// Opens a stream of a session, with the first page of what its client holds. The stream
// owns the session from then on, unless one with the same or a larger number has owned
// it: then it is refused with Refusal::kSessionReplaced.
struct AttachCommand {
  std::string session_id;
  std::uint64_t stream_number = 0;  // Larger for each stream that the client opens.
  bool local = false;               // The client is at the other end of a Unix socket.
  std::vector<ListedLease> leases;
  bool more = false;  // Pages follow.
  Principal principal{};
  Quota quota{};
  // Of the leases listed, those on other keys do not come into the session, because the
  // caller may not renew them. Null: every key.
  std::shared_ptr<const KeySet> among{};
};

// A further page of the list. The last one is answered with Attached.
struct AttachPageCommand {
  std::vector<ListedLease> leases;
  bool more = false;
  std::shared_ptr<const KeySet> among{};  // As in AttachCommand.
};

// Renews every lease of the session whose grant has been acknowledged.
struct RenewAllCommand {};

// The lease leaves the session, and stays held.
struct DetachCommand {
  std::string key;
  std::string lease_id;
};

// The client has dealt with all outcomes of the stream up to this Delivery::number.
struct AcknowledgeCommand {
  std::uint64_t through = 0;
};

// The stream has ended. If the engine has not ended it already, it is answered with
// Refusal::kCancelled. The stream's operations get no further outcome.
struct EndStreamCommand {
  CallId stream{};
  // Its client did it, or died: nothing that the server did can have been the cause.
  bool by_client = false;
  // The client may have received the outcomes up to this number (Delivery::number), and
  // is sure not to have received those behind it.
  std::uint64_t sent_through = kAllSent;

  static constexpr std::uint64_t kAllSent = UINT64_MAX;
};

using CommandBody =
    std::variant<AcquireCommand, ReleaseCommand, RenewCommand, GetCommand, ListCommand,
                 ForceReleaseCommand, ReleaseByTagCommand, WatchCommand, WatchNextPageCommand,
                 CancelCommand, UndeliveredCommand, DrainCommand, AttachCommand, AttachPageCommand,
                 RenewAllCommand, DetachCommand, AcknowledgeCommand, EndStreamCommand>;

struct Command {
  CallId call{};  // Receives the outcomes, if there are any: see ExpectsOutcome.
  CommandBody body;

  // Of an operation of a session: the call of its stream, and what the outcomes are to
  // repeat, so that whoever sent it need not look it up. Of an AttachCommand `stream` is
  // the call itself.
  CallId stream{};
  std::uint64_t operation = 0;
};

// What only tells the engine something has no outcome of its own.
inline bool ExpectsOutcome(const CommandBody& body) {
  return !std::holds_alternative<CancelCommand>(body) &&
         !std::holds_alternative<UndeliveredCommand>(body) &&
         !std::holds_alternative<WatchNextPageCommand>(body) &&
         !std::holds_alternative<AttachPageCommand>(body) &&
         !std::holds_alternative<AcknowledgeCommand>(body) &&
         !std::holds_alternative<EndStreamCommand>(body);
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_COMMAND_H_
