// Reports queue positions to waiters on a stream, without ever delaying a grant.
//
// A release moves every waiter up by one, but must not cost one message per
// waiter. So a change only marks the lock; a sweep then walks the queue from the
// front in small slices, with pauses between them, and updates each waiting call
// whose position or holder has changed, at most once a second. A lock that keeps
// changing is swept again and again; a quiet one costs nothing.
//
// Positions reported during a sweep may be off by the waiters that have left
// since it began; their leaving triggers another sweep. Thread-compatible.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_QUEUE_REPORTER_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_QUEUE_REPORTER_H_

#include <chrono>
#include <optional>
#include <vector>

#include "services/common/clock.h"
#include "services/lock/engine/lock_state.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/timer_queue.h"

namespace holdfast {

class QueueReporter {
 public:
  // The minimum time between two reports to one call.
  static constexpr Duration kReportInterval = std::chrono::seconds(1);

  // A slice: at most 50 messages, about half a millisecond of work, every 10 ms.
  // A queue of 10,000 takes two seconds.
  static constexpr Duration kSlicePause = std::chrono::milliseconds(10);
  static constexpr int kMessagesPerSlice = 50;
  static constexpr int kVisitsPerSlice = 1'000;

  // The holder of `lock`, or a position in its queue, has changed.
  void Changed(LockState& lock, Instant now);

  // `lock` is about to go away.
  void Forget(LockState& lock) {
    if (lock.report != nullptr) pending_.Cancel(lock.report->next);
  }

  // Reports to `waiter` on the call that it has just opened.
  void TellNow(Waiter& waiter, CallId call, std::uint32_t position, const Now& now,
               std::vector<Delivery>& deliveries);

  std::optional<Instant> NextDue() const;

  // Runs one slice, if one is due.
  void Run(const Now& now, std::vector<Delivery>& deliveries);

 private:
  struct Budget {
    int messages = kMessagesPerSlice;
    int visits = kVisitsPerSlice;
    bool spent() const { return messages <= 0 || visits <= 0; }
  };

  // Returns false if the budget ran out before the end of the queue.
  bool Sweep(LockState& lock, const Now& now, Budget& budget, std::vector<Delivery>& deliveries);
  // Returns false if it was too early for one of the waiter's calls.
  bool TellNews(Waiter& waiter, std::uint32_t position, const Now& now, Budget& budget,
                std::vector<Delivery>& deliveries);

  TimerQueue<LockState*> pending_;
  Instant next_slice_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_QUEUE_REPORTER_H_
