// The queue of commands for the engine, and the turn: whoever has the turn takes what is
// in the queue and applies it.
//
// Many threads put, and one at a time has the turn. The engine's own thread waits for it;
// any other may take it instead of waking that thread, if nobody has it, and what is put
// meanwhile is left to whoever has it. So no command waits for a thread to wake while
// another one is there that could do the work.
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

  // Who takes the turn if nobody has it.
  enum class Wake {
    kEngine,  // The engine's thread, which is woken.
    kNobody,  // The caller will, with TryTakeTurn.
  };

  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {}

  // False: the mailbox is full or closed, and `item` is unchanged.
  bool Put(Item& item, Wake wake);

  // All of them or none. `always`: ignores the capacity, as PutAlways does. False: the
  // mailbox is full or closed, and `items` are unchanged.
  bool PutTogether(std::vector<Item>& items, bool always, Wake wake);

  // For what must not be dropped, such as the end of a call: ignores the
  // capacity. There are at most as many of these as open calls. No effect once closed.
  void PutAlways(Item item);

  // Takes the turn, and replaces `items` by all that have been put, in order. False:
  // there are none, or another thread has the turn and will take them.
  bool TryTakeTurn(std::vector<Item>& items);

  // The rest is for whoever has the turn, but for Await, which is for the engine's thread.

  // Replaces `items` by what has been put since. False: there is nothing, and the turn
  // has been given up. The next one is due at `next` even if nothing comes.
  bool Continue(std::vector<Item>& items, Instant next);

  // Gives the turn up; the engine's thread takes it if there is anything in the mailbox.
  void GiveUp(Instant next);

  // Gives the turn to the engine's thread in the middle.
  void HandOver();

  // Gives the turn up for good, and drops what is in the mailbox and what comes.
  void Fail();

  enum class Turn {
    kBegin,   // `items` are all that have been put, perhaps none.
    kFinish,  // It was handed over, `items` are unchanged.
    kNone,    // The mailbox is closed, and everything has been taken.
  };

  // Waits until there is a turn for the engine's thread to take.
  Turn Await(const Clock& clock, std::vector<Item>& items);

  // From now on Put fails.
  void Close();

 private:
  bool WakeFor(Wake wake) REQUIRES(mutex_);
  bool Release(Instant next) REQUIRES(mutex_);

  const std::size_t capacity_;

  mutable Mutex mutex_;
  CondVar changed_;  // For the engine's thread.
  std::vector<Item> items_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;

  bool taken_ GUARDED_BY(mutex_) = false;  // Somebody has the turn.
  bool handed_over_ GUARDED_BY(mutex_) = false;
  bool wanted_ GUARDED_BY(mutex_) = false;  // The engine's thread is to take it at once.
  Instant next_ GUARDED_BY(mutex_) = Instant::min();
  // What the engine's thread waits for; in the past if it does not wait.
  Instant sleeps_until_ GUARDED_BY(mutex_) = Instant::min();
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_MAILBOX_H_
