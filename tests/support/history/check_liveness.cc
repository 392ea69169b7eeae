// I7: a free lock is granted to a live waiter at once.
//
// A waiter was passed by if, for longer than Rules::grant_within, its call was open, the
// server was there, and nobody can have held the lock (possible_holders.h). The time is
// that since the last holder was gone, however long the waiter has been in the queue:
// those before it are served one after another. Pauses of the waiter and of the server
// do not count, nor does what was before Rules::liveness_from.
//
// Not seen: a lock that is stuck behind a lease without an expire that nobody was told
// of, or that a call which was cut off may still be given; that is what Release is for.

#include <algorithm>
#include <vector>

#include "tests/support/history/invariants.h"
#include "tests/support/history/possible_holders.h"
#include "tests/support/history/waits.h"

namespace holdfast::history {
namespace {

using Kind = Operation::Kind;

// When the acquire waited with its client and the server present.
Spans WaitOf(const Digest& digest, const Operation& acquire) {
  const auto& called = *digest.As<AcquireCalled>(acquire.called);
  if (called.timeout == Duration::zero()) return {};
  const bool has_waited = acquire.first_queued != kNone ||
                          digest.As<Granted>(acquire.end) != nullptr ||
                          digest.RefusedFor(acquire, Reason::kWaitTimeout);
  if (!has_waited) return {};  // Perhaps it has not even arrived.

  const Duration network = digest.rules().network;
  Time from = acquire.first_queued != kNone ? digest.at(acquire.first_queued)
                                            : digest.at(acquire.called) + network;
  from = std::max(from, digest.rules().liveness_from);
  const Time to = WaitedUntil(digest, acquire);
  if (to <= from) return {};
  Spans wait = {{.from = from, .to = to}};
  for (const ClientGap& gap : digest.client_gaps(acquire.client)) {
    wait = Without(wait,
                   {.from = digest.at(gap.stopped),
                    .to = gap.continued == kNone ? kForever : digest.at(gap.continued) + network});
  }
  const std::vector<ServerGap>& gaps = digest.server_gaps();
  auto gap = std::partition_point(gaps.begin(), gaps.end(), [&](const ServerGap& g) {
    return g.started != kNone && digest.at(g.started) < from;
  });
  for (; gap != gaps.end() && digest.at(gap->first_stopped) - network < to; ++gap) {
    wait = Without(wait, {.from = digest.at(gap->first_stopped) - network,
                          .to = gap->started == kNone ? kForever : digest.at(gap->started)});
  }
  return wait;
}

void CheckWait(const Evidence& evidence, const Operation& acquire,
               const std::vector<FreeSpan>& free_spans, Report& report) {
  const Duration allowed = evidence.digest.rules().grant_within;
  for (const Span& wait : WaitOf(evidence.digest, acquire)) {
    auto free = std::partition_point(free_spans.begin(), free_spans.end(),
                                     [&](const FreeSpan& f) { return f.span.to <= wait.from; });
    for (; free != free_spans.end() && free->span.from < wait.to; ++free) {
      const Time from = std::max(free->span.from, wait.from);
      const Time to = std::min(free->span.to, wait.to);
      if (to - from <= allowed) continue;
      report.Add(evidence.Describe(acquire.lease) + " waited for a free lock for " +
                     std::to_string((to - from) / std::chrono::milliseconds(1)) + " ms",
                 {free->because, acquire.called, acquire.end});
      return;
    }
  }
}

}  // namespace

void CheckLiveness(const Evidence& evidence, Report& report) {
  if (evidence.digest.rules().liveness_from == kForever) return;
  const std::vector<std::vector<FreeSpan>> free_spans = FreeSpansOf(evidence.digest, evidence.ends);
  for (const Operation& operation : evidence.digest.operations()) {
    if (operation.kind != Kind::kAcquire) continue;
    // A call with the lease_id of another key does not wait.
    if (operation.key != evidence.lease(operation.lease).key) continue;
    CheckWait(evidence, operation, free_spans[operation.key], report);
  }
}

}  // namespace holdfast::history
