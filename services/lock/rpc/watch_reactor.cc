#include "services/lock/rpc/watch_reactor.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "services/lock/rpc/convert.h"
#include "services/lock/rpc/status.h"

namespace holdfast {

void WatchReactor::OnStart() {
  v1::WatchRequest request;
  if (const grpc::Status status = starter_.Read(this->request(), request); !status.ok()) {
    Finish(status);
    return;
  }
  place_ = open_watches_.TryOpen();
  if (place_ == nullptr) {
    Finish(LimitExceeded("max_watches"));
    return;
  }
  WatchCommand command = ToCommand(std::move(request));
  {
    MutexLock lock(mutex_);
    caller_ = starter_.callers().Of(context());
    Permit(caller_, command);
  }
  const CallId call_id = engine_.Submit(std::move(command), this, LockEngine::Begin::kAtTakeTurn);
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
  bool due = false;
  {
    MutexLock lock(mutex_);
    if (const Watched* watched = std::get_if<Watched>(&outcome)) {
      Gather(*watched);
    } else if (Refused* refused = std::get_if<Refused>(&outcome)) {
      final_ = std::move(*refused);
    }
    CancelIfOverflowed();
    due = Defer();
  }
  if (due) writing_.thread.Post([this] { Resume(); });
}

void WatchReactor::OnCancel() {
  MutexLock lock(mutex_);
  if (call_id_.has_value()) engine_.Cancel(*call_id_);
}

void WatchReactor::OnDone() { delete this; }

void WatchReactor::Gather(const Watched& watched) {
  if (overflowed_ || broken()) return;
  if (!starter_.callers().IsCurrent(caller_)) {
    // What has gathered may be more than it may know by now.
    rules_changed_ = true;
    overflowed_ = true;
    backlog_.clear();
    return;
  }
  if (backlog_.size() + watched.events.size() > max_backlog_) {
    overflowed_ = true;
    backlog_.clear();
    return;
  }
  for (const SharedLeaseEvent& event : watched.events) {
    backlog_.push_back(writing_.events.Share(event));
  }
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
    step.end = rules_changed_ ? RulesChanged()
               : overflowed_  ? LimitExceeded("max_watch_backlog")
                              : ToStatus(*final_, "");
    final_.reset();
    return step;
  }
  if (overflowed_ || broken()) return step;
  if (rest_of_page_ == 0 && call_id_.has_value()) {
    rest_of_page_.reset();
    engine_.ContinueWatch(*call_id_);
  }
  if (!backlog_.empty()) step.message = TakeMessage();
  return step;
}

WatchMessage WatchReactor::TakeMessage() {
  const std::size_t count = std::min(backlog_.size(), kEventsPerMessage);
  const auto end = backlog_.begin() + static_cast<std::ptrdiff_t>(count);
  WatchMessage message;
  message.events.assign(std::make_move_iterator(backlog_.begin()), std::make_move_iterator(end));
  backlog_.erase(backlog_.begin(), end);
  if (rest_of_page_.has_value()) *rest_of_page_ -= std::min(*rest_of_page_, count);
  return message;
}

}  // namespace holdfast
