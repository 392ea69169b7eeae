// The queue of commands for the engine: many threads put, one takes all.
//
// Bounded, so that an overloaded server refuses work at once instead of making
// everybody wait longer. Thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_MAILBOX_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_MAILBOX_H_

#include <cstddef>
#include <vector>

#include "common/mutex.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"

namespace holdfast {

class CallListener;
class SessionListener;

class Mailbox {
 public:
  struct Item {
    Command command;
    CallListener* listener = nullptr;             // Null if the command has no outcome.
    SessionListener* session_listener = nullptr;  // Of an AttachCommand.
  };

  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {}

  // False: the mailbox is full or closed, and `item` is unchanged.
  bool Put(Item& item);

  // All of them or none. `always`: ignores the capacity, as PutAlways does. False: the
  // mailbox is full or closed, and `items` are unchanged.
  bool PutTogether(std::vector<Item>& items, bool always);

  // For what must not be dropped, such as the end of a call: ignores the
  // capacity. There are at most as many of these as open calls. False: closed.
  bool PutAlways(Item item);

  // Waits for at least one item, for at most `limit`. Returns all items in order,
  // perhaps none.
  std::vector<Item> TakeAll(Duration limit);

  // From now on Put fails.
  void Close();

  // Whether it is closed and everything has been taken.
  bool Finished() const;

 private:
  const std::size_t capacity_;

  mutable Mutex mutex_;
  CondVar filled_;
  std::vector<Item> items_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_MAILBOX_H_
