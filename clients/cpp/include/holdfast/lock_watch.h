// Watching leases: events as they happen.
//
//     auto watch = client->Watch({.key_prefix = "reports/"},
//                                {.on_event = [](const holdfast::LockEvent& event) { ... },
//                                 .on_end = [](const absl::Status& why) { ... }});
//
// A watch starts with a snapshot: a kHeld event for every lease that matches, then one
// kSnapshotEnd. After that, and for keys that the snapshot has already passed, it reports
// every grant and every end of a matching lease. Nothing is lost in between: applying the
// events in order always gives, for every key, the state at some moment.

#ifndef HOLDFAST_LOCK_WATCH_H_
#define HOLDFAST_LOCK_WATCH_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "holdfast/tags.h"
#include "holdfast/time.h"

namespace holdfast {

namespace core {
class WatchCore;
}  // namespace core

// A plain value, thread-compatible.
struct LockEvent {
  // The names and numbers of holdfast.v1.LeaseEvent of the API.
  enum class Kind {
    kUnspecified = 0,  // From a newer server; this library does not know it.
    kHeld = 1,         // In a snapshot.
    kSnapshotEnd = 2,  // The snapshot is complete. Only `sequence` is set.
    kGranted = 3,
    kReleased = 4,  // By its holder, or by the server because the grant could not be delivered.
    kExpired = 5,
    kForced = 6,  // By an administrator.
  };

  Kind kind = Kind::kUnspecified;
  std::uint64_t sequence = 0;  // Increases for as long as the server runs, with gaps.
  std::string key;
  Tags tags;
  std::string owner;
  std::uint64_t fencing_token = 0;
  std::optional<Duration> expire;                // Absent: until released.
  std::chrono::system_clock::time_point time{};  // For display: the server's wall clock.
};

// Both run where callbacks run (ClientOptions::executor), one at a time.
struct WatchCallbacks {
  std::function<void(const LockEvent&)> on_event{};

  // Called once, last, if the watch ends other than by its destruction. To continue,
  // watch again: the new snapshot shows what was missed.
  //
  // UNAVAILABLE: the connection broke, or the server is unreachable or stopping.
  // RESOURCE_EXHAUSTED, kLimitExceeded: too many watches are open, or on_event was too
  //   slow and events were missed.
  // INVALID_ARGUMENT, kInvalidField: the filter is invalid. CANCELLED: the client was
  //   destroyed.
  std::function<void(const absl::Status&)> on_end{};
};

// An open watch, from Client::Watch. Thread-compatible.
class LockWatch {
 public:
  // Ends the watch. Waits for a callback that is running, unless it is called from there;
  // after that neither callback is called.
  ~LockWatch();

  LockWatch(LockWatch&& other) noexcept = default;
  LockWatch& operator=(LockWatch&& other) noexcept;  // Ends the old watch.

  // For the library: watches come from clients.
  explicit LockWatch(std::shared_ptr<core::WatchCore> core);

 private:
  void End() noexcept;

  std::shared_ptr<core::WatchCore> core_;  // Null when moved from.
};

}  // namespace holdfast

#endif  // HOLDFAST_LOCK_WATCH_H_
