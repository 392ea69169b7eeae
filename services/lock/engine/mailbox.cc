#include "services/lock/engine/mailbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast {

bool Mailbox::Put(Item& item) {
  {
    MutexLock lock(mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
  }
  filled_.NotifyOne();
  return true;
}

bool Mailbox::PutAlways(Item item) {
  {
    MutexLock lock(mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
  }
  filled_.NotifyOne();
  return true;
}

bool Mailbox::PutTogether(std::vector<Item>& items, bool always) {
  {
    MutexLock lock(mutex_);
    if (closed_ || (!always && items_.size() + items.size() > capacity_)) return false;
    std::move(items.begin(), items.end(), std::back_inserter(items_));
  }
  filled_.NotifyOne();
  return true;
}

std::vector<Mailbox::Item> Mailbox::TakeAll(Duration limit) {
  std::vector<Item> taken;
  MutexLock lock(mutex_);
  // One wait is enough: the engine does not mind being woken for nothing.
  if (items_.empty() && !closed_ && limit > Duration::zero()) filled_.WaitFor(mutex_, limit);
  taken.swap(items_);
  return taken;
}

void Mailbox::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  filled_.NotifyOne();
}

bool Mailbox::Finished() const {
  MutexLock lock(mutex_);
  return closed_ && items_.empty();
}

}  // namespace holdfast
