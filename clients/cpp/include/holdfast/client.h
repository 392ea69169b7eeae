// A connection to one lock server.
//
//     absl::StatusOr<std::unique_ptr<holdfast::Client>> client =
//         holdfast::Client::Create("unix:/run/holdfast/holdfast.sock");
//     if (!client.ok()) return client.status();
//     holdfast::SyncLock lock(**client, "reports/2024", {.expire = 30s});
//
// Threads. A client has three of its own, however many locks there are: one for
// timers (renewals, timeouts, retries), one that signals lost leases, and one on
// which callbacks and coroutines run. gRPC adds a fixed number per process.
//
// fork(). Neither a client nor gRPC survives it. In the child, every use of the
// client and of its locks fails with FAILED_PRECONDITION, destroying them does
// nothing, and leases remain the parent's. A new client cannot be made there
// either: fork before the first one is made, or call exec in the child.

#ifndef HOLDFAST_CLIENT_H_
#define HOLDFAST_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "holdfast/lock_info.h"
#include "holdfast/time.h"

namespace holdfast {

namespace core {
class ClientCore;
}  // namespace core

// Where to run a function: called with each callback and with the rest of each
// coroutine. It may run the function at once, or hand it to threads of your own;
// it must run it in the end, and once. Called from one thread at a time.
using Executor = std::function<void(absl::AnyInvocable<void()>)>;

struct ClientOptions {
  // The owner of every lock that names none. Empty: `program@host:pid`.
  std::string owner{};

  // How long Release, Renew, Get and Locked go on trying before they report
  // UNAVAILABLE.
  Duration call_timeout = std::chrono::seconds(10);

  // How long an acquire goes on without word from the server: since it began, or since its
  // connection was lost while it waited in the queue. UNAVAILABLE then. Whoever has a place
  // in the queue has had word: this does not limit how long a lock is waited for. More than
  // zero. kForever: a server that is away is waited for like a lock that is held, until
  // LockOptions::timeout is over.
  Duration connect_timeout = kForever;

  // Absent: callbacks and coroutines run on the client's callback thread, one
  // after another.
  Executor executor{};
};

// Thread-safe. Its locks may outlive it, but are of no use then.
class Client {
 public:
  // A client of the server at `address`: `unix:/path` or `host:port`. Returns at
  // once, whether or not there is a server; calls report UNAVAILABLE if there is
  // none.
  //
  // INVALID_ARGUMENT: no such form of address, or a timeout that is not more than zero.
  // FAILED_PRECONDITION: this process was forked from one that had a client.
  // RESOURCE_EXHAUSTED: no thread or file descriptor was to be had.
  static absl::StatusOr<std::unique_ptr<Client>> Create(std::string_view address,
                                                        ClientOptions options = {});

  // Ends every acquire that is under way with CANCELLED, signals the leases that
  // are still held as lost, and releases them. Waits for releases to reach the
  // server, but not for longer than half a second. When it returns, all callbacks
  // have run, except for those that an executor of yours has still to run. One of
  // its own callbacks may destroy a client; those behind it then run after that.
  ~Client();

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& address() const;
  const std::string& owner() const;

  // Who holds a lock, and how many wait for it. Blocks for up to call_timeout. A
  // lock that nobody holds is no error.
  absl::StatusOr<LockInfo> Get(std::string_view key);

  // Ends a lease by its id: one that a lock has detached, here or in another process.
  // Blocks and answers as SyncLock::Release does.
  absl::Status Release(std::string_view key, std::string_view lease_id);

 private:
  friend class SyncLock;
  friend class AsyncLock;

  explicit Client(std::shared_ptr<core::ClientCore> core);

  std::shared_ptr<core::ClientCore> core_;
};

}  // namespace holdfast

#endif  // HOLDFAST_CLIENT_H_
