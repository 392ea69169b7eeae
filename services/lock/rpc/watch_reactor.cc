#include "services/lock/rpc/watch_reactor.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"

namespace holdfast {

void WatchReactor::Submit(WatchCommand command, OpenStreams::Place place) {
  place_ = std::move(place);
  const CallId call_id = engine_.Submit(std::move(command), this);
  Step step;
  {
    MutexLock lock(mutex_);
    call_id_ = call_id;
    // The first outcomes may have come before the call had a name.
    CancelIfOverflowed();
    step = TakeStep();
  }
  CarryOut(std::move(step));
}

void WatchReactor::OnOutcome(Outcome outcome) {
  Step step;
  {
    MutexLock lock(mutex_);
    if (Watched* watched = std::get_if<Watched>(&outcome)) {
      Gather(std::move(*watched));
    } else if (Refused* refused = std::get_if<Refused>(&outcome)) {
      final_ = std::move(*refused);
    }
    CancelIfOverflowed();
    step = TakeStep();
  }
  CarryOut(std::move(step));
}

void WatchReactor::OnCancel() {
  MutexLock lock(mutex_);
  if (call_id_.has_value()) engine_.Cancel(*call_id_);
}

void WatchReactor::OnDone() { delete this; }

void WatchReactor::Gather(Watched watched) {
  if (overflowed_ || broken()) return;
  if (backlog_.size() + watched.events.size() > max_backlog_) {
    overflowed_ = true;
    backlog_.clear();
    return;
  }
  std::move(watched.events.begin(), watched.events.end(), std::back_inserter(backlog_));
  if (watched.snapshot_continues) rest_of_page_ = backlog_.size();
}

// The engine's answer to it ends the stream.
void WatchReactor::CancelIfOverflowed() {
  if (!overflowed_ || cancelled_ || !call_id_.has_value()) return;
  cancelled_ = true;
  engine_.Cancel(*call_id_);
}

WatchReactor::Step WatchReactor::NextStep() {
  Step step;
  if (final_.has_value()) {
    step.end = overflowed_ ? LimitExceeded("max_watch_backlog") : ToStatus(*final_, "");
    final_.reset();
    return step;
  }
  if (overflowed_ || broken()) return step;
  if (rest_of_page_ == 0 && call_id_.has_value()) {
    rest_of_page_.reset();
    engine_.ContinueWatch(*call_id_);
  }
  if (!backlog_.empty()) step.message = ToResponse(TakeEvents());
  return step;
}

std::vector<SharedLeaseEvent> WatchReactor::TakeEvents() {
  const std::size_t count = std::min(backlog_.size(), kEventsPerMessage);
  const auto end = backlog_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<SharedLeaseEvent> events(std::make_move_iterator(backlog_.begin()),
                                       std::make_move_iterator(end));
  backlog_.erase(backlog_.begin(), end);
  if (rest_of_page_.has_value()) *rest_of_page_ -= std::min(*rest_of_page_, count);
  return events;
}

}  // namespace holdfast
