// When a call surely waited in the queue, as the server saw it.
//
// Unlike the bounds of lease_bounds.h this counts on Rules::network: that a message
// which arrives was not longer on its way, and that both sides notice within that time
// that a connection has broken. A client that is paused still waits; what it is told
// meanwhile it reads when it goes on.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_WAITS_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_WAITS_H_

#include <cstddef>
#include <cstdint>

#include "tests/support/history/digest.h"
#include "tests/support/history/history.h"

namespace holdfast::history {

// When the server can have sent, at the earliest, what the client received at the event.
Time SentFrom(const Digest& digest, std::uint32_t client, std::size_t received);

// Had the server answered the call before this moment, its caller would know. (Of a call
// that was answered: SentFrom of its answer.)
Time SilentUntil(const Digest& digest, const Operation& operation);

// When the server can have received a call at the latest, if it did.
Time ArrivedBy(const Digest& digest, const Operation& operation);

// The end of the time for which an acquire surely waited, if it did at all and unless
// its grant was on its way already.
Time WaitedUntil(const Digest& digest, const Operation& acquire);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_WAITS_H_
