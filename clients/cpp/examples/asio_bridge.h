// Locks in the coroutines of asio: `co_await Acquire(lock)` in an asio::awaitable.
//
// Bridge turns a call that takes a callback into an awaitable: the coroutine goes on in
// its own event loop, which is kept going meanwhile, and cancelling it leaves the queue.
// Copy it; it needs nothing of this library but AsyncLock's functions that end in Then.
//
// Once a coroutine is cancelled, asio throws at each further `co_await`, so that a release
// behind one may never run. Therefore what Acquire gives releases the lock when it is
// destroyed, also where the coroutine never learns that it was granted.
//
// REQUIRES: the event loop (asio::io_context) outlives the lock and its client, whose
// callbacks post to it.

#ifndef HOLDFAST_CLIENTS_CPP_EXAMPLES_ASIO_BRIDGE_H_
#define HOLDFAST_CLIENTS_CPP_EXAMPLES_ASIO_BRIDGE_H_

#include <asio.hpp>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/async_lock.h"
#include "holdfast/lease.h"
#include "holdfast/scoped_lease.h"

template <typename Result, typename Begin>
auto Bridge(Begin begin) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Result)>(
      [begin = std::move(begin)](auto handler) mutable {
        std::stop_source stop;
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
          slot.assign([stop](asio::cancellation_type) mutable { stop.request_stop(); });
        }
        auto loop = asio::make_work_guard(asio::get_associated_executor(handler));
        auto done = [handler = std::move(handler), loop = std::move(loop)](Result result) mutable {
          asio::post(loop.get_executor(),
                     [handler = std::move(handler), result = std::move(result)]() mutable {
                       std::move(handler)(std::move(result));
                     });
        };
        begin(std::move(done), stop.get_token());
      },
      asio::use_awaitable);
}

inline asio::awaitable<absl::StatusOr<holdfast::ScopedLease>> Acquire(holdfast::AsyncLock& lock) {
  return Bridge<absl::StatusOr<holdfast::ScopedLease>>([&lock](auto done, std::stop_token stop) {
    lock.AcquireScopedThen(std::move(done), std::move(stop));
  });
}

// To wait for the release, and learn whether the lease was held to its end: `co_await
// Release(lock, **lease)`.
inline asio::awaitable<absl::Status> Release(holdfast::AsyncLock& lock, holdfast::Lease lease) {
  return Bridge<absl::Status>([&lock, lease = std::move(lease)](auto done, std::stop_token) {
    lock.ReleaseThen(lease, std::move(done));
  });
}

#endif  // HOLDFAST_CLIENTS_CPP_EXAMPLES_ASIO_BRIDGE_H_
