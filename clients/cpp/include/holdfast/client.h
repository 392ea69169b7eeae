// A connection to one lock server.
//
//     absl::StatusOr<std::unique_ptr<holdfast::Client>> client =
//         holdfast::Client::Create("unix:/run/holdfast/holdfast.sock");
//     if (!client.ok()) return client.status();
//     holdfast::SyncLock lock(**client, "reports/2024", {.expire = 30s});
//
// Threads. A client has three threads, however many locks there are: one for timers
// (renewals, timeouts, retries), one that signals lost leases, and one on which callbacks
// and coroutines run. gRPC adds a fixed number per process.
//
// fork(). Neither a client nor gRPC survives it. In the child, every use of the client
// and its locks fails with FAILED_PRECONDITION, and destroying them does nothing. Leases
// remain the parent's; in the child they are lost. The child may create a client of its
// own only if no client was alive at the fork and nothing else used gRPC. So fork before
// the first client is created or after the last one is destroyed, or call exec in the
// child.

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

// Runs functions: called with each callback and with the continuation of each coroutine.
// It may run the function at once, or pass it to threads of your own; it must run each
// function exactly once. Called from one thread at a time.
using Executor = std::function<void(absl::AnyInvocable<void()>)>;

struct ClientOptions {
  // The owner of every lock whose options name none. Empty: `program@host:pid`.
  std::string owner{};

  // How long Release, Renew, Get and Locked keep trying before they return UNAVAILABLE.
  Duration call_timeout = std::chrono::seconds(10);

  // How long an acquire keeps trying while the server cannot be reached: since it began,
  // or since its connection was lost while it waited in the queue. It then returns
  // UNAVAILABLE. This does not limit the wait in the queue. Must be positive. kForever:
  // keep trying until LockOptions::timeout has passed.
  Duration connect_timeout = kForever;

  // Absent: callbacks and coroutines run on the client's callback thread, one
  // after another.
  Executor executor{};

  // Waits, renewals and releases share one stream, on which the server also tells at once
  // that a lease was ended by force. With a server that knows no sessions, or has none left,
  // each is a call of its own, as without this. See docs/cpp-client.md.
  bool session = true;
};

// Thread-safe. Its locks may outlive it, but can no longer be used.
class Client {
 public:
  // Creates a client of the server at `address`: `unix:/path` or `host:port`. Returns at
  // once, whether or not a server is there; if none is, calls return UNAVAILABLE.
  //
  // INVALID_ARGUMENT: the address is malformed, or a timeout is not positive.
  // FAILED_PRECONDITION: this process was forked while a client was alive; see above.
  // RESOURCE_EXHAUSTED: out of threads or file descriptors.
  static absl::StatusOr<std::unique_ptr<Client>> Create(std::string_view address,
                                                        ClientOptions options = {});

  // Ends pending acquires with CANCELLED, signals leases that are still held as lost, and
  // releases them. Waits up to half a second for the releases to reach the server. When
  // it returns, all callbacks have run, except those that your executor still has to run.
  // A callback may destroy its own client; callbacks after it then still run.
  //
  // A function that was given to a lock, such as on_queued, may own the client. Where the last
  // of those goes with its lock, all of this happens in the background.
  ~Client();

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& address() const;
  const std::string& owner() const;

  // Returns who holds a lock and how many wait for it. Blocks for up to call_timeout. It
  // is no error if nobody holds the lock.
  absl::StatusOr<LockInfo> Get(std::string_view key);

  // Lists the locks that are held or waited for, in the byte order of their keys, one
  // page per call. `page_token` is from the previous page, with the same `filter`.
  // `page_size`: up to 1000; 0 for the server's default. Blocks for up to call_timeout.
  //
  // INVALID_ARGUMENT, kInvalidField: the filter, page_size or page_token.
  absl::StatusOr<LockPage> List(const LockFilter& filter = {}, std::string_view page_token = {},
                                std::uint32_t page_size = 0);

  // Reports every grant and end of a matching lease until the watch is destroyed. Returns
  // at once. FAILED_PRECONDITION: the client was destroyed or belongs to another process.
  absl::StatusOr<LockWatch> Watch(const LockFilter& filter, WatchCallbacks callbacks);

  // --- For administrators ----------------------------------------------------------
  // A lease that is ended by force is gone at once. Its holder learns of it at once if it
  // has a session, and else at its next renewal or release. Until then only the fencing
  // token can stop it.

  // Ends a lock's lease with this token; returns it as it was just before. Blocks for up
  // to call_timeout. `fencing_token` 0: whatever lease there is. Such a request is never
  // retried, because a retry could end the next holder's lease.
  //
  // NOT_FOUND, kLockNotHeld: nobody holds it, or not with that token, perhaps because an
  //   earlier try of this call succeeded.
  // UNAVAILABLE: no answer; the lease may or may not have been ended.
  absl::StatusOr<HolderInfo> ForceRelease(std::string_view key, std::uint64_t fencing_token);

  // Ends the leases that carry all of `tags` (at least one). Spares leases that are
  // granted after the call has begun. Blocks for up to call_timeout per 500 leases. After
  // an error some may have been ended; call again with the same max_fencing_token, or
  // without one.
  //
  // INVALID_ARGUMENT, kInvalidField: the tags.
  absl::StatusOr<ReleasedLocks> ReleaseByTag(const Tags& tags, ReleaseByTagOptions options = {});

  // Ends a lease by its id, after a lock has detached it, in this or another process.
  // Blocks and returns as SyncLock::Release does.
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
