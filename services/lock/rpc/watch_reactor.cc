#include "services/lock/rpc/watch_reactor.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <variant>

#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {

void WatchReactor::Submit(WatchCommand command, OpenStreams& open_streams) {
  open_streams_ = &open_streams;
  const CallId call_id = engine_.Submit(std::move(command), this);
  Step step;
  {
    MutexLock lock(mutex_);
    call_id_ = call_id;
    // The first outcomes may have come before the call had a name.
    step = TakeStep();
  }
  Carry(std::move(step), call_id);
}

// The step is taken in the same breath: as soon as the mutex is free, the end of
// a write may finish the call and with it this object.
void WatchReactor::OnOutcome(Outcome outcome) {
  Step step;
  std::optional<CallId> call_id;
  {
    MutexLock lock(mutex_);
    if (Watched* watched = std::get_if<Watched>(&outcome)) {
      Gather(std::move(*watched));
    } else if (Refused* refused = std::get_if<Refused>(&outcome)) {
      final_ = std::move(*refused);
    }
    step = TakeStep();
    call_id = call_id_;
  }
  Carry(std::move(step), call_id);
}

void WatchReactor::OnWriteDone(bool ok) {
  Step step;
  std::optional<CallId> call_id;
  {
    MutexLock lock(mutex_);
    writing_ = false;
    broken_ = broken_ || !ok;
    step = TakeStep();
    call_id = call_id_;
  }
  Carry(std::move(step), call_id);
}

void WatchReactor::OnCancel() {
  std::optional<CallId> call_id;
  {
    MutexLock lock(mutex_);
    call_id = call_id_;
  }
  if (call_id.has_value()) engine_.Cancel(*call_id);
}

void WatchReactor::OnDone() {
  if (open_streams_ != nullptr) open_streams_->Close();
  delete this;
}

void WatchReactor::Gather(Watched watched) {
  if (overflowed_ || broken_) return;
  if (backlog_.size() + watched.events.size() > max_backlog_) {
    overflowed_ = true;
    backlog_.clear();
    return;
  }
  std::move(watched.events.begin(), watched.events.end(), std::back_inserter(backlog_));
  if (watched.snapshot_continues) rest_of_page_ = backlog_.size();
}

WatchReactor::Step WatchReactor::TakeStep() {
  Step step;
  if (overflowed_ && !cancelled_ && call_id_.has_value()) {
    cancelled_ = true;
    step.cancel = true;  // The engine's answer to it ends the stream.
  }
  if (writing_) return step;
  if (final_.has_value()) {
    step.finish = overflowed_ ? LimitExceeded("max_watch_backlog") : ToStatus(*final_, "");
    final_.reset();
    return step;
  }
  if (overflowed_ || broken_) return step;
  if (rest_of_page_ == 0 && call_id_.has_value()) {
    rest_of_page_.reset();
    step.next_page = true;
  }
  step.write = TakeMessage();
  writing_ = !step.write.empty();
  return step;
}

std::vector<SharedLeaseEvent> WatchReactor::TakeMessage() {
  const std::size_t count = std::min(backlog_.size(), kEventsPerMessage);
  const auto end = backlog_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<SharedLeaseEvent> message(std::make_move_iterator(backlog_.begin()),
                                        std::make_move_iterator(end));
  backlog_.erase(backlog_.begin(), end);
  if (rest_of_page_.has_value()) *rest_of_page_ -= std::min(*rest_of_page_, count);
  return message;
}

// What is for the engine comes first: the rest may end the call. A call that has
// had its final outcome means nothing to the engine any more.
void WatchReactor::Carry(Step step, std::optional<CallId> call_id) {
  if (step.cancel) engine_.Cancel(*call_id);
  if (step.next_page) engine_.ContinueWatch(*call_id);
  if (step.finish.has_value()) {
    Finish(*step.finish);
  } else if (!step.write.empty()) {
    bytes_ = SerializeMessage(ToResponse(step.write));
    StartWrite(&bytes_);
  }
}

}  // namespace holdfast
