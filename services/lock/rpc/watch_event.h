// Lease events in the form in which they travel. It is made once, by the first who
// writes the event, and shared by all who do: a thousand may watch one lock.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_WATCH_EVENT_H_
#define HOLDFAST_SERVICES_LOCK_RPC_WATCH_EVENT_H_

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"
#include "services/lock/engine/outcome.h"

namespace holdfast {

// Thread-safe.
class WatchEvent {
 public:
  explicit WatchEvent(SharedLeaseEvent event) : event_(std::move(event)) {}

  const SharedLeaseEvent& event() const { return event_; }

  // A WatchResponse with this event alone. Such messages one after the other are one
  // message with all of their events.
  const grpc::Slice& Bytes() const;

 private:
  const SharedLeaseEvent event_;
  mutable std::once_flag made_;
  mutable grpc::Slice bytes_;
};

using SharedWatchEvent = std::shared_ptr<const WatchEvent>;

// Gives all watches the same WatchEvent of an event. It remembers the last one, because
// the engine tells one event to everybody before the next. Thread-compatible.
class WatchEvents {
 public:
  SharedWatchEvent Share(const SharedLeaseEvent& event);

 private:
  SharedWatchEvent last_;
};

// What a Watch call writes at a time.
struct WatchMessage {
  std::vector<SharedWatchEvent> events;
};

// A WatchResponse with these events.
grpc::ByteBuffer SerializeMessage(const WatchMessage& message);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_WATCH_EVENT_H_
