// What happened in a run: who asked for what, who was told what, and when.
//
// A history is written by the simulator or by the recorders of real clients, and
// read by the checker (checker.h), which knows nothing else of the run. So it says
// only what the parties of a lock service can see for themselves.
//
// Time. All events of a history lie on one time line: that of the simulator, or
// CLOCK_BOOTTIME of the host that all clients ran on. What a client computes by its own
// clock (valid_until) is written down as the moment of that time line at which its
// clock shows it.
//
// Operations. A call and everything that came of it carry the same client and
// operation. Each call has at most one end (Granted, Renewed, Released, Refused,
// Forced, Shown or Unanswered), and may have Queued events before it. A call without
// an end was cut off with its client. A request that is sent again is another
// operation, with the same lease_id.
//
// Plain values, thread-compatible.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace holdfast::history {

using Duration = std::chrono::nanoseconds;

// Since the origin of the history's time line.
using Time = std::chrono::nanoseconds;

// A lease without an expiry is valid until then.
inline constexpr Time kForever = Time::max();

// Why a call was refused. Named as the reasons of the API (error_reason.proto) are.
enum class Reason {
  kLockHeld,
  kWaitTimeout,
  kLeaseExpired,
  kLeaseForced,
  kLeaseEnded,
  kLeaseNotFound,
  kLeaseWaiting,
  kLockNotHeld,
  kLeaseMismatch,
  kLimitExceeded,
  kInvalid,      // INVALID_FIELD, MALFORMED_REQUEST.
  kUnavailable,  // SERVER_STARTING, SERVER_STOPPING: without any effect.
};

// ---- Calls. Each is recorded before its request is sent.

// Acquire or Wait.
struct AcquireCalled {
  std::string key;
  std::string lease_id;
  std::optional<Duration> expire;
  // Zero: tries once. Absent: waits for as long as the call is open.
  std::optional<Duration> timeout;
  // However it is renewed, the lease may lapse this long after its grant. Absent: never.
  std::optional<Duration> max_hold{};
};

struct RenewCalled {
  std::string key;
  std::string lease_id;
  std::optional<Duration> expire;  // Absent: as before.
};

// From here on the caller does not count on the lease any more.
struct ReleaseCalled {
  std::string key;
  std::string lease_id;
};

struct ForceReleaseCalled {
  std::string key;
  std::uint64_t fencing_token = 0;  // 0: whichever there is.
};

struct GetCalled {
  std::string key;
};

// ---- What came of them. Each is recorded after its answer was received.

struct Queued {
  std::uint64_t queue_sequence = 0;
  std::uint32_t position = 0;
};

// The end of an acquire. The caller holds the lock from this event on.
struct Granted {
  std::uint64_t fencing_token = 0;
  Time valid_until{};  // The holder's own conservative deadline.
};

struct Renewed {
  std::uint64_t fencing_token = 0;
  Time valid_until{};
};

struct Released {};

// The end of a ForceRelease: the lease with this token was ended.
struct Forced {
  std::uint64_t fencing_token = 0;
};

// The end of a Get.
struct Shown {
  std::uint64_t fencing_token = 0;  // Of the holder; 0 if there is none.
  std::uint32_t queue_length = 0;
};

struct Refused {
  Reason reason{};
};

// The connection broke, or the caller has cancelled or given up (it says so before it
// does). The request may or may not have had its effect, or may have it later.
struct Unanswered {};

// ---- What happens outside of operations (operation 0).

// The client takes its lease for lost from here on.
struct Lost {
  std::string key;
  std::string lease_id;
};

// Something that the lock guards was written to, with a fencing token. `client` names
// who wrote; the events of one resource are in the order in which it decided.
struct Written {
  std::string resource;
  std::uint64_t fencing_token = 0;
  bool accepted = false;
};

// The server serves from here on; or, of Stopped, had ceased to by then. A server that
// was paused (SIGSTOP) has stopped, and has started again when it goes on. Of several
// stops in a row the last one counts as the end of its work: one that was asked to end
// may let leases lapse until then.
struct ServerStarted {
  bool continued = false;  // After a pause: it still has its queues and its deadlines.
};
struct ServerStopped {};

// The client was paused, or its process died: it sees and does nothing from here on,
// until, in the first case, it goes on.
struct ClientStopped {};
struct ClientContinued {};

// Everything has ended and every client has cleaned up; this is what the server has
// left. What a run does not measure is absent.
struct Quiet {
  std::optional<std::uint64_t> leases;
  std::optional<std::uint64_t> waiters;
  std::optional<std::uint64_t> open_calls;
  std::optional<std::uint64_t> timers;
  std::optional<std::uint64_t> watches;
  // Beyond those before the first client came.
  std::optional<std::int64_t> file_descriptors;
};

using What =
    std::variant<AcquireCalled, RenewCalled, ReleaseCalled, ForceReleaseCalled, GetCalled, Queued,
                 Granted, Renewed, Released, Forced, Shown, Refused, Unanswered, Lost, Written,
                 ServerStarted, ServerStopped, ClientStopped, ClientContinued, Quiet>;

struct Event {
  Time time{};
  std::uint32_t client = 0;     // 0: the server, or nobody.
  std::uint64_t operation = 0;  // Of that client, from 1 on.
  What what;
};

// In the order of their time; those of the same time in the order in which they
// happened.
using History = std::vector<Event>;

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_HISTORY_H_
