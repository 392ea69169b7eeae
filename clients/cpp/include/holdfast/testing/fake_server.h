// A lock server inside of the test's own process, with a clock that the test sets.
//
//     holdfast::FakeServer server;
//     auto client = *server.NewClient();
//     holdfast::SyncLock lock(*client, "reports/2024", {.expire = 30s});
//     auto lease = *lock.Acquire();
//     server.Advance(31s);
//     EXPECT_TRUE(lease.lost().stop_requested());
//
// Clients of it are Clients like any others, with the library's own logic behind them:
// leases lapse, are renewed, lost and taken away as in life. What is made up is the server, which is
// honest, remembers nothing on a disk, and checks no limits; and time, which stands still
// for server and clients alike until the test lets it pass. Calls that block do block: on
// a thread of their own while the test lets time pass.
//
// For tests. Nothing of it touches the network or the disk.

#ifndef HOLDFAST_TESTING_FAKE_SERVER_H_
#define HOLDFAST_TESTING_FAKE_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "holdfast/client.h"
#include "holdfast/time.h"

namespace holdfast {

// Thread-safe, but time passes on one thread at a time.
class FakeServer {
 public:
  FakeServer();

  // REQUIRES: its clients have been destroyed. Leases may outlive it.
  ~FakeServer();

  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  // A client of this server. Errors are those of Client::Create.
  absl::StatusOr<std::unique_ptr<Client>> NewClient(ClientOptions options = {});

  // The time by which leases are measured: what Lease::deadline() is to be compared with.
  MonotonicTime Now() const;

  // Lets time pass: whatever becomes due on the way happens in its order. When it returns,
  // callbacks and lost signals that were due have run. REQUIRES: not in a callback.
  void Advance(Duration span);

  // While it is not reachable calls fail with UNAVAILABLE, those that are open too, and
  // leases go on running. Waiters keep their places.
  void SetReachable(bool reachable);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTING_FAKE_SERVER_H_
