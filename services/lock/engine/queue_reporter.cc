#include "services/lock/engine/queue_reporter.h"

#include <algorithm>
#include <memory>

#include "services/lock/engine/sessions.h"

namespace holdfast {
namespace {

Queued MakeQueued(const Waiter& waiter, std::uint32_t position, const Now& now) {
  return {.position = position,
          .queue_sequence = waiter.sequence,
          .holders = waiter.lock->HolderViews(now)};
}

void Tell(const Waiter& waiter, WaitingCall& call, std::uint32_t position, const Now& now,
          std::vector<Delivery>& deliveries) {
  holdfast::Tell(call.caller, MakeQueued(waiter, position, now), deliveries);
  call.told_position = position;
  call.told_token = waiter.lock->current_token();
  call.told_at = now.monotonic;
}

}  // namespace

void QueueReporter::Changed(LockState& lock, Instant now) {
  if (lock.queue.empty()) return;
  if (lock.report == nullptr) lock.report = std::make_unique<ReportState>();
  ReportState& report = *lock.report;
  report.changed = true;
  if (report.next.has_value()) return;
  const Instant due = std::max(now + kSlicePause, report.sweep_began + kReportInterval);
  report.next = pending_.Set(due, &lock);
}

void QueueReporter::TellNow(Waiter& waiter, CallId call, std::uint32_t position, const Now& now,
                            std::vector<Delivery>& deliveries) {
  for (WaitingCall& waiting : waiter.calls) {
    if (waiting.caller.call == call) Tell(waiter, waiting, position, now, deliveries);
  }
}

std::optional<Instant> QueueReporter::NextDue() const {
  const std::optional<Instant> due = pending_.NextDue();
  if (!due.has_value()) return std::nullopt;
  return std::max(*due, next_slice_);
}

void QueueReporter::Run(const Now& now, std::vector<Delivery>& deliveries) {
  if (now.monotonic < next_slice_) return;
  Budget budget;
  while (!budget.spent()) {
    const std::optional<LockState*> due = pending_.PopDue(now.monotonic);
    if (!due.has_value()) break;
    LockState& lock = **due;
    ReportState& report = *lock.report;
    report.next.reset();
    if (!Sweep(lock, now, budget, deliveries)) {
      report.next = pending_.Set(now.monotonic + kSlicePause, &lock);
      break;
    }
    report.cursor = 0;
    report.position = 0;
    if (report.changed) {
      report.next = pending_.Set(report.sweep_began + kReportInterval, &lock);
    }
  }
  // Without this, many small queues would make one slice follow the other.
  if (budget.spent()) next_slice_ = now.monotonic + kSlicePause;
}

bool QueueReporter::Sweep(LockState& lock, const Now& now, Budget& budget,
                          std::vector<Delivery>& deliveries) {
  ReportState& report = *lock.report;
  if (report.cursor == 0) {
    report.changed = false;
    report.sweep_began = now.monotonic;
  }
  const WaitQueue::Places& places = lock.queue.places();
  for (auto it = places.upper_bound(report.cursor); it != places.end(); ++it) {
    if (budget.spent()) return false;
    --budget.visits;
    Waiter& waiter = *it->second;
    report.cursor = waiter.sequence;
    ++report.position;
    // For whom it is too soon, there is the next sweep.
    if (!TellNews(waiter, report.position, now, budget, deliveries)) report.changed = true;
  }
  return true;
}

bool QueueReporter::TellNews(Waiter& waiter, std::uint32_t position, const Now& now, Budget& budget,
                             std::vector<Delivery>& deliveries) {
  const std::uint64_t token = waiter.lock->current_token();
  bool told_all = true;
  for (WaitingCall& call : waiter.calls) {
    const bool is_news = call.told_position != position || call.told_token != token;
    if (!call.report_queue || !is_news) continue;
    if (now.monotonic - call.told_at < kReportInterval) {
      told_all = false;
      continue;
    }
    Tell(waiter, call, position, now, deliveries);
    --budget.messages;
  }
  return told_all;
}

}  // namespace holdfast
