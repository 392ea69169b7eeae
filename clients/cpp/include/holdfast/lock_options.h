// How a lock is acquired.

#ifndef HOLDFAST_LOCK_OPTIONS_H_
#define HOLDFAST_LOCK_OPTIONS_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "holdfast/lock_info.h"
#include "holdfast/tags.h"
#include "holdfast/time.h"

namespace holdfast {

// An outage: the server cannot be reached, is still starting, or is stopping. A plain
// value, thread-compatible.
struct Outage {
  // The result of the last try: usually UNAVAILABLE, with the reason in words.
  absl::Status status;
  // When the outage began: when the acquire began, or when its connection was lost.
  MonotonicTime since{};
};

// Meant for designated initialisers:
//
//     holdfast::SyncLock lock(*client, "reports/2024",
//                             {.timeout = 10s, .expire = 30s, .auto_renew = true});
//
// Omitted options keep their defaults; the `{}` below keep compilers from warning about
// omitted fields.
//
// Thread-compatible.
struct LockOptions {
  // How long Acquire tries. Zero: try once. At most 366 days, or kForever.
  Duration timeout = kForever;

  // How long a lease lasts from its grant or last renewal: 1 ms to 366 days. Absent:
  // until it is released, which means for ever if its holder dies. Almost every caller
  // wants an expiry.
  std::optional<Duration> expire{};

  Tags tags{};

  // Who takes the lock, for people to read: up to 256 bytes. Empty: the client's
  // owner.
  std::string owner{};

  // Renew the lease for as long as it is held. `expire` is then how long the lock
  // outlives a dead holder; without renewal it is how long the lock may be held at all.
  // Requires an `expire`.
  bool auto_renew = false;

  // Frees the lock as soon as this process has died, rather than `expire` later, as a lock on
  // a file would be. Requires an `expire`, which remains the second net, and a client with a
  // session on a Unix socket (ClientOptions::session). A child process that has inherited the
  // socket delays it, until the lease lapses.
  bool bound = false;

  // The lease is lost this long after its grant, however often it is renewed, so that a
  // program which hangs but goes on renewing does not keep the lock for ever. 1 ms to 366
  // days.
  std::optional<Duration> max_hold{};

  // Called while an acquire waits: at once, and on changes, at most once a second. Runs
  // where callbacks run (ClientOptions::executor). Not called after SyncLock::Acquire has
  // returned or AsyncLock has delivered the result.
  std::function<void(const QueueInfo&)> on_queued{};

  // Called once for each outage that an acquire meets: at the first call that fails since
  // the acquire began, or since the server last answered. The acquire keeps trying,
  // within ClientOptions::connect_timeout and its own timeout. Runs as on_queued does; if
  // both are pending, only the later one runs.
  std::function<void(const Outage&)> on_unavailable{};
};

}  // namespace holdfast

#endif  // HOLDFAST_LOCK_OPTIONS_H_
