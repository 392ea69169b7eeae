#include "services/lock/engine/mailbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "services/lock/engine/recycle.h"

namespace holdfast {

bool Mailbox::Put(Item& item, Wake wake) {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    notify = WakeFor(wake);
  }
  if (notify) changed_.NotifyOne();
  return true;
}

void Mailbox::PutAlways(Item item) {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    if (closed_) return;
    items_.push_back(std::move(item));
    notify = WakeFor(Wake::kEngine);
  }
  if (notify) changed_.NotifyOne();
}

bool Mailbox::PutTogether(std::vector<Item>& items, bool always, Wake wake) {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    if (closed_ || (!always && items_.size() + items.size() > capacity_)) return false;
    std::move(items.begin(), items.end(), std::back_inserter(items_));
    notify = WakeFor(wake);
  }
  if (notify) changed_.NotifyOne();
  return true;
}

// Whether the engine's thread is to be woken. Who has the turn takes what was put.
bool Mailbox::WakeFor(Wake wake) {
  if (wake == Wake::kNobody || taken_ || wanted_) return false;
  wanted_ = true;
  return true;
}

bool Mailbox::TryTakeTurn(std::vector<Item>& items) {
  MutexLock lock(mutex_);
  if (taken_ || items_.empty()) return false;
  taken_ = true;
  wanted_ = false;
  // Both buffers keep their capacity.
  Recycle(items);
  items.swap(items_);
  return true;
}

bool Mailbox::Continue(std::vector<Item>& items, Instant next) {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    Recycle(items);
    items.swap(items_);
    if (!items.empty()) return true;
    notify = Release(next);
  }
  if (notify) changed_.NotifyOne();
  return false;
}

void Mailbox::GiveUp(Instant next) {
  bool notify = false;
  {
    MutexLock lock(mutex_);
    notify = Release(next);
    if (!items_.empty()) notify = WakeFor(Wake::kEngine) || notify;
  }
  if (notify) changed_.NotifyOne();
}

// Whether the engine's thread is to be woken because it sleeps for too long.
bool Mailbox::Release(Instant next) {
  taken_ = false;
  next_ = next;
  return next < sleeps_until_;
}

void Mailbox::HandOver() {
  {
    MutexLock lock(mutex_);
    handed_over_ = true;
  }
  changed_.NotifyOne();
}

void Mailbox::Fail() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
    taken_ = false;
    items_.clear();
  }
  changed_.NotifyOne();
}

Mailbox::Turn Mailbox::Await(const Clock& clock, std::vector<Item>& items) {
  MutexLock lock(mutex_);
  while (true) {
    if (handed_over_) {
      handed_over_ = false;
      return Turn::kFinish;
    }
    if (taken_) {
      sleeps_until_ = Instant::max();
      changed_.Wait(mutex_);
    } else if (closed_ && items_.empty()) {
      return Turn::kNone;
    } else {
      const Instant now = clock.Read().monotonic;
      if (wanted_ || closed_ || now >= next_) break;
      sleeps_until_ = next_;
      changed_.WaitFor(mutex_, next_ - now);
    }
    sleeps_until_ = Instant::min();
  }
  taken_ = true;
  wanted_ = false;
  Recycle(items);
  items.swap(items_);
  return Turn::kBegin;
}

void Mailbox::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.NotifyOne();
}

}  // namespace holdfast
