// Where commands wait for the engine: many threads put in, one takes all.
//
// Bounded, so that a server that cannot keep up refuses work at once instead of
// making everybody wait longer. Thread-safe.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_MAILBOX_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_MAILBOX_H_

#include <cstddef>
#include <vector>

#include "common/mutex.h"
#include "services/common/clock.h"
#include "services/lock/engine/command.h"

namespace holdfast {

class CallListener;

class Mailbox {
 public:
  struct Item {
    Command command;
    CallListener* listener = nullptr;  // Null where the command has no outcome.
  };

  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {}

  // False: the mailbox is full or closed, and `item` is as it was.
  bool Put(Item& item);

  // For what must not be dropped, such as the end of a call: ignores the
  // capacity. These are at most as many as there are open calls. False: closed.
  bool PutAlways(Item item);

  // Waits for something to take, for at most `limit`. Returns all that there is,
  // in order, which may be nothing.
  std::vector<Item> TakeAll(Duration limit);

  // Nothing more goes in.
  void Close();

  // Closed, and everything has been taken.
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
