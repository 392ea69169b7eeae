#include "tests/support/history/waits.h"

#include <algorithm>
#include <vector>

namespace holdfast::history {
namespace {

// The last moment at which the client may still have had the call open.
Time OpenUntil(const Digest& digest, const Operation& operation) {
  if (operation.end != kNone) return digest.at(operation.end);
  const std::vector<ClientGap>& gaps = digest.client_gaps(operation.client);
  if (!gaps.empty() && gaps.back().continued == kNone) return digest.at(gaps.back().stopped);
  return digest.last_time();
}

// What was read at `received` may have lain in the socket of a client that was paused.
Time SentFrom(const Digest& digest, std::uint32_t client, Time received) {
  const Duration network = digest.rules().network;
  Time sent = received - network;
  const std::vector<ClientGap>& gaps = digest.client_gaps(client);
  for (auto gap = gaps.rbegin(); gap != gaps.rend(); ++gap) {
    const Time stopped = digest.at(gap->stopped);
    if (stopped >= received || gap->continued == kNone) continue;
    if (digest.at(gap->continued) < sent) break;
    sent = std::min(sent, stopped - network);
  }
  return sent;
}

// How long a timeout lasts at least, as the server's clock may be fast.
Duration Shortest(const Digest& digest, Duration timeout) {
  return timeout / 1'000 * (1'000 - digest.rules().clock_rate);
}

}  // namespace

Time SentFrom(const Digest& digest, std::uint32_t client, std::size_t received) {
  return SentFrom(digest, client, digest.at(received));
}

Time SilentUntil(const Digest& digest, const Operation& operation) {
  return SentFrom(digest, operation.client, OpenUntil(digest, operation));
}

Time ArrivedBy(const Digest& digest, const Operation& operation) {
  if (digest.Answered(operation) && !digest.rules().requests_may_repeat) {
    return digest.at(operation.end);
  }
  return OpenUntil(digest, operation) + digest.rules().network;
}

Time WaitedUntil(const Digest& digest, const Operation& acquire) {
  // An answer may have lain in the socket of a client that was paused.
  Time until = SilentUntil(digest, acquire);
  if (digest.As<Granted>(acquire.end) != nullptr) return until;
  const auto& called = *digest.As<AcquireCalled>(acquire.called);
  if (digest.RefusedFor(acquire, Reason::kWaitTimeout) && called.timeout.has_value()) {
    // Its time has begun when the server received it.
    const Time timed_out = digest.at(acquire.called) + Shortest(digest, *called.timeout);
    until = std::min(digest.at(acquire.end), std::max(until, timed_out));
  }
  for (const std::size_t index : digest.leases()[acquire.lease].operations) {
    const Operation& other = digest.operations()[index];
    if (other.kind == Operation::Kind::kRelease) {
      until = std::min(until, digest.at(other.called));
    }
    if (other.kind == Operation::Kind::kAcquire && other.called != acquire.called) {
      // The first timeout of a call ends the wait of all calls with its id.
      const auto& timeout = digest.As<AcquireCalled>(other.called)->timeout;
      if (!timeout.has_value() || *timeout == Duration::zero()) continue;
      until = std::min(until, digest.at(other.called) + Shortest(digest, *timeout));
    }
  }
  // The queue is lost with the life of the server.
  const std::size_t life = digest.LifeAt(acquire.called);
  if (life < digest.life_ends().size()) {
    until = std::min(until, digest.at(digest.life_ends()[life]) - digest.rules().network);
  }
  return until;
}

}  // namespace holdfast::history
