// How a lock is to be taken.

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

// The server cannot be reached, or does not serve yet, or any more. A plain value,
// thread-compatible.
struct Outage {
  // What the last try has come to: mostly UNAVAILABLE, with the reason in words.
  absl::Status status;
  // Since when there has been no word from the server: when the acquire began, or when its
  // connection was lost.
  MonotonicTime since{};
};

// Meant for designated initialisers:
//
//     holdfast::SyncLock lock(*client, "reports/2024",
//                             {.timeout = 10s, .expire = 30s, .auto_renew = true});
//
// What is left out has its default; the braces below keep compilers from warning of that.
//
// Thread-compatible.
struct LockOptions {
  // How long Acquire tries. Zero: once. At most 366 days, or kForever.
  Duration timeout = kForever;

  // How long a lease lasts from its grant or its last renewal: 1 ms to 366 days.
  // Absent: until it is released, which is for ever if its holder dies. Nearly
  // everybody wants an expiry.
  std::optional<Duration> expire{};

  Tags tags{};

  // Who takes the lock, for people to read: up to 256 bytes. Empty: the client's
  // owner.
  std::string owner{};

  // Renew the lease for as long as it is held, so that `expire` is how long the
  // lock outlives a holder that died. Otherwise `expire` is how long it may be
  // held at all. Needs an `expire`.
  bool auto_renew = false;

  // Told while an acquire waits: at once, and when something has changed, at most once
  // a second. Runs where callbacks run (ClientOptions::executor). Not called any more
  // once SyncLock::Acquire has returned or AsyncLock's acquire has told its end.
  std::function<void(const QueueInfo&)> on_queued{};

  // Told once for each outage that an acquire meets: when the first call has failed since
  // the acquire began, or since the server was last heard of. The acquire goes on, for
  // ClientOptions::connect_timeout and its own timeout. Runs as on_queued does; where both
  // have something to tell and neither has run yet, only the later one does.
  std::function<void(const Outage&)> on_unavailable{};
};

}  // namespace holdfast

#endif  // HOLDFAST_LOCK_OPTIONS_H_
