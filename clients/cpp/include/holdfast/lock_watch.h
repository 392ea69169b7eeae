// What happens to leases, as it happens.
//
//     auto watch = client->Watch({.key_prefix = "reports/"},
//                                {.on_event = [](const holdfast::LockEvent& event) { ... },
//                                 .on_end = [](const absl::Status& why) { ... }});
//
// A watch begins with a snapshot: a kHeld event for every lease that matches, then one
// kSnapshotEnd. From then on, and for keys that the snapshot has passed already, every grant
// and every end of a matching lease is told. Nothing falls between the two: who applies the
// events in their order always has the state of some moment for every key.

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
    kUnspecified = 0,  // Of a newer server: what it tells is not known here.
    kHeld = 1,         // In a snapshot.
    kSnapshotEnd = 2,  // The snapshot is complete. Only `sequence` means anything.
    kGranted = 3,
    kReleased = 4,  // By its holder, or by the server because nobody took the grant.
    kExpired = 5,
    kForced = 6,  // By an administrator.
  };

  Kind kind = Kind::kUnspecified;
  std::uint64_t sequence = 0;  // Rises for as long as the server runs, with gaps.
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

  // Called once, last: why the watch has ended, other than by its destruction. Nothing is
  // watched any more then; watch again, and the new snapshot says what was missed.
  //
  // UNAVAILABLE: the connection broke, or the server is not there, or is stopping.
  // RESOURCE_EXHAUSTED, kLimitExceeded: too many watches are open, or on_event has taken
  //   so long that events were missed.
  // INVALID_ARGUMENT, kInvalidField: the filter. CANCELLED: the client was destroyed.
  std::function<void(const absl::Status&)> on_end{};
};

// A watch that is open. Made by Client::Watch. Thread-compatible.
class LockWatch {
 public:
  // Ends it. Neither function is called any more afterwards: waits for one that runs,
  // unless that is where it is destroyed.
  ~LockWatch();

  LockWatch(LockWatch&& other) noexcept = default;
  LockWatch& operator=(LockWatch&& other) noexcept;  // Ends what it was before.

  // For the library: watches come from clients.
  explicit LockWatch(std::shared_ptr<core::WatchCore> core);

 private:
  void End() noexcept;

  std::shared_ptr<core::WatchCore> core_;  // Null when moved from.
};

}  // namespace holdfast

#endif  // HOLDFAST_LOCK_WATCH_H_
