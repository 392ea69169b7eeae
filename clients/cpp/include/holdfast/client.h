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
// nothing, and leases remain the parent's: in the child they are lost. A child may make a
// client of its own if none was alive when it was forked, and nothing else used gRPC: fork
// before the first client is made, or when the last has been destroyed, or call exec in
// the child.

#ifndef HOLDFAST_CLIENT_H_
#define HOLDFAST_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_watch.h"
#include "holdfast/tags.h"
#include "holdfast/time.h"

namespace holdfast {

namespace core {
class ClientCore;
}  // namespace core

class FakeServer;  // For tests: see holdfast/testing/fake_server.h.

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
  // FAILED_PRECONDITION: this process was forked while a client was alive; see above.
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

  // Shows the locks that are held or waited for, in the byte order of their keys, page by
  // page: `page_token` is from the last page, and `filter` as for that. `page_size`: 0 for the
  // server's choice, up to 1000. Blocks for up to call_timeout.
  //
  // INVALID_ARGUMENT, kInvalidField: the filter, page_size or page_token.
  absl::StatusOr<LockPage> List(const LockFilter& filter = {}, std::string_view page_token = {},
                                std::uint32_t page_size = 0);

  // Tells of every grant and end of a lease that matches, until the watch is destroyed.
  // Returns at once. FAILED_PRECONDITION: the client may not be used here.
  absl::StatusOr<LockWatch> Watch(const LockFilter& filter, WatchCallbacks callbacks);

  // --- For those who look after locks ----------------------------------------------
  // A lease that is ended by force is gone at once, and its holder learns of it at its next
  // renewal or release. What it does until then only the fencing token can stop.

  // Ends the lease with this token on a lock. The lease as it was before. Blocks for up to
  // call_timeout. `fencing_token` 0 means whichever lease there is; then the request is sent
  // once only, because sent again it would end the next holder's.
  //
  // NOT_FOUND, kLockNotHeld: nobody holds it, or not with that token: because an earlier
  //   request of this call has got through, perhaps.
  // UNAVAILABLE: no answer; it may have been ended or not.
  absl::StatusOr<HolderInfo> ForceRelease(std::string_view key, std::uint64_t fencing_token);

  // Ends the leases that carry all of `tags`, of which there is at least one. Leases that are
  // granted after the call has begun are spared. Blocks for up to call_timeout for each 500 of
  // them. After an error some may have been ended; call again with the same
  // max_fencing_token, or without.
  //
  // INVALID_ARGUMENT, kInvalidField: the tags.
  absl::StatusOr<ReleasedLocks> ReleaseByTag(const Tags& tags, ReleaseByTagOptions options = {});

  // Ends a lease by its id: one that a lock has detached, here or in another process.
  // Blocks and answers as SyncLock::Release does.
  absl::Status Release(std::string_view key, std::string_view lease_id);

 private:
  friend class SyncLock;
  friend class AsyncLock;
  friend class FakeServer;

  explicit Client(std::shared_ptr<core::ClientCore> core);

  std::shared_ptr<core::ClientCore> core_;
};

}  // namespace holdfast

#endif  // HOLDFAST_CLIENT_H_
