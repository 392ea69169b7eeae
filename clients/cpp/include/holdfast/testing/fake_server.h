// A lock server inside the test's own process, with a clock that the test controls.
//
//     holdfast::FakeServer server;
//     auto client = *server.NewClient();
//     holdfast::SyncLock lock(*client, "reports/2024", {.expire = 30s});
//     auto lease = *lock.Acquire();
//     server.Advance(31s);
//     EXPECT_TRUE(lease.lost().stop_requested());
//
// Its clients are ordinary Clients and run the library's real logic: leases expire, and
// are renewed, lost and ended by force. What is faked is the server, which refuses what a
// server would refuse; and time, which stands still for server and clients until the test
// advances it. Blocking calls really block: run them on another thread while the test
// advances time.
//
// Unlike a server, it
//   * stores nothing, forgets no lease_id that has ended, and is never full: no call ends
//     with kLimitExceeded;
//   * refuses no text that is not UTF-8;
//   * takes a lease_id that is asked for again under its key for the same request, without
//     comparing the rest of it (no client of this library asks with another);
//   * lists and releases by tag at once: a page is short only if its size was given;
//   * reports changes of the queue at once, not at most once a second;
//   * keeps a client that has gone in the queue, until its timeout, and its grant;
//   * does not know who its clients are: the `principal` of each is anonymous;
//   * sees no process die: what is `bound` ends with its client, or by its expire;
//   * dates held_since in 1970, and words its messages differently.
//
// For tests. Uses neither the network nor the disk.

#ifndef HOLDFAST_TESTING_FAKE_SERVER_H_
#define HOLDFAST_TESTING_FAKE_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "holdfast/client.h"
#include "holdfast/time.h"

namespace holdfast {

// Thread-safe, except that only one thread at a time may advance time.
class FakeServer {
 public:
  FakeServer();

  // REQUIRES: its clients have been destroyed. Leases may outlive it.
  ~FakeServer();

  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  // A client of this server. Errors are those of Client::Create, except that forks are not
  // looked at.
  absl::StatusOr<std::unique_ptr<Client>> NewClient(ClientOptions options = {});

  // The time on the leases' clock: compare Lease::deadline() with it.
  MonotonicTime Now() const;

  // Advances time; whatever becomes due happens in order. When it returns, callbacks and
  // lost signals that were due have run. REQUIRES: not in a callback.
  void Advance(Duration span);

  // While it is unreachable, calls fail with UNAVAILABLE, including those in progress,
  // and leases keep running out. Waiters keep their places.
  void SetReachable(bool reachable);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTING_FAKE_SERVER_H_
