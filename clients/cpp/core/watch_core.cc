#include "clients/cpp/core/watch_core.h"

#include <iterator>
#include <utility>

namespace holdfast::core {

void WatchCore::Start(const LockFilter& filter) {
  LockTransport::WatchEvents events;
  events.on_events = [self = shared_from_this()](std::vector<LockEvent> more) {
    return self->OnEvents(std::move(more));
  };
  events.on_end = [self = shared_from_this()](absl::Status why) { self->OnEnd(std::move(why)); };
  // In a task, as every call is made.
  client_->Run([self = shared_from_this(), filter, events = std::move(events)]() mutable {
    auto call = self->client_->transport().Watch(filter, std::move(events));
    MutexLock lock(self->mutex_);
    if (self->ended_) {
      if (call != nullptr) call->Cancel();
    } else {
      self->call_ = std::move(call);
    }
  });
}

void WatchCore::End() {
  std::shared_ptr<LockTransport::WatchCall> call;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    call = std::move(call_);
    call_ = nullptr;
    while (reporting_ != std::thread::id() && reporting_ != std::this_thread::get_id()) {
      quiet_.Wait(mutex_);
    }
  }
  if (call != nullptr) call->Cancel();
}

bool WatchCore::OnEvents(std::vector<LockEvent> events) {
  MutexLock lock(mutex_);
  if (ended_) return true;
  backlog_.insert(backlog_.end(), std::make_move_iterator(events.begin()),
                  std::make_move_iterator(events.end()));
  paused_ = backlog_.size() >= kMaxBacklog;
  PostReport();
  return !paused_;
}

void WatchCore::OnEnd(absl::Status why) {
  MutexLock lock(mutex_);
  call_ = nullptr;
  if (ended_) return;
  end_ = std::move(why);
  PostReport();
}

void WatchCore::PostReport() {
  if (std::exchange(posted_, true)) return;
  client_->RunUserCode([self = shared_from_this()] { self->Report(); });
}

void WatchCore::Report() {
  std::shared_ptr<LockTransport::WatchCall> read_on;
  for (;;) {
    std::optional<LockEvent> event;
    std::optional<absl::Status> end;
    {
      MutexLock lock(mutex_);
      reporting_ = std::thread::id();
      quiet_.NotifyAll();
      if (paused_ && backlog_.size() <= kMaxBacklog / 2) {
        paused_ = false;
        read_on = call_;
      }
      if (ended_ || (backlog_.empty() && !end_.has_value())) {
        posted_ = false;
        break;
      }
      if (!backlog_.empty()) {
        event = std::move(backlog_.front());
        backlog_.pop_front();
      } else {
        end = std::move(end_);
        ended_ = true;
      }
      reporting_ = std::this_thread::get_id();
    }
    if (read_on != nullptr) std::exchange(read_on, nullptr)->ReadOn();
    if (event.has_value() && callbacks_.on_event) callbacks_.on_event(*event);
    if (end.has_value() && callbacks_.on_end) callbacks_.on_end(*end);
  }
  if (read_on != nullptr) read_on->ReadOn();
}

}  // namespace holdfast::core
