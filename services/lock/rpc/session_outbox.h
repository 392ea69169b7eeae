// What the client of a session has not been told yet.
//
// Outcomes gather here while a message is being written, and the next one takes as many
// of them as fit. Of the places in the queue that an operation is told meanwhile only
// the newest is kept. The outbox also knows in which message each outcome went out, so
// that the engine can be told how far the client has read.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_SESSION_OUTBOX_H_
#define HOLDFAST_SERVICES_LOCK_RPC_SESSION_OUTBOX_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "grpcpp/support/byte_buffer.h"
#include "services/lock/engine/lock_engine.h"
#include "services/lock/rpc/session_request.h"

namespace holdfast {

// Events that go out together, in this order.
struct SessionEvents {
  std::vector<SessionOutcome> outcomes;
  std::vector<FailedOperation> failed;
};

// One message to the client.
struct SessionMessage {
  std::uint64_t number = 0;
  std::vector<SessionEvents> events;
  OpenOperations* open = nullptr;       // Which those leave that are answered.
  std::uint32_t max_message_bytes = 0;  // Which the client is told when it attaches.
};

// A SessionResponse. Takes the events out of `message`.
grpc::ByteBuffer SerializeMessage(SessionMessage& message);

// Which outcomes have gone out in which message. Thread-compatible.
class SentMessages {
 public:
  // Message `number` held the last of the outcomes up to `through`. Both increase.
  void Add(std::uint64_t number, std::uint64_t through);

  // The client has dealt with all messages up to `number`. Returns the last outcome that
  // this acknowledges; nothing if there is none that was not acknowledged before.
  std::optional<std::uint64_t> Acknowledge(std::uint64_t number);

 private:
  // A client that acknowledges nothing makes no more of them: then every other is
  // forgotten, and will be acknowledged together with the next.
  static constexpr std::size_t kMost = 4'096;

  struct Sent {
    std::uint64_t number = 0;
    std::uint64_t through = 0;
  };
  std::deque<Sent> sent_;
};

// Thread-compatible.
class SessionOutbox {
 public:
  // A message takes events until it is about as large as this: a hundred waits are
  // answered by one write, and a small answer is not kept waiting behind a megabyte.
  static constexpr std::size_t kMessageBytes = 64 * 1024;

  // `open` must outlive this and its messages. `max_message_bytes`: of the client's.
  SessionOutbox(OpenOperations& open, std::uint32_t max_message_bytes)
      : open_(open), max_message_bytes_(max_message_bytes) {}

  void Add(std::vector<SessionOutcome> outcomes);
  void Add(std::vector<FailedOperation> failed);

  bool empty() const { return waiting_.empty(); }

  // About how many bytes they take on the wire that have not been taken, or were by the
  // message that is being written.
  std::size_t unwritten_bytes() const { return waiting_bytes_ + taken_bytes_; }

  // The next message. REQUIRES: not empty, and the one before has been written.
  SessionMessage Take();

  // The message that was taken last has been written, or cannot be.
  void Written() { taken_bytes_ = 0; }

  // Forgets what has not been taken.
  void Drop();

  // Of the message that was taken last. 0: of none.
  std::uint64_t last_number() const { return last_number_; }

  // The number of the last outcome that has been taken. 0: of none.
  std::uint64_t sent_through() const { return sent_through_; }

  // As of SentMessages.
  std::optional<std::uint64_t> Acknowledge(std::uint64_t number) {
    return sent_.Acknowledge(number);
  }

 private:
  struct Waiting {
    SessionEvents events;
    std::size_t bytes = 0;
  };

  void KeepNewestPlaces(std::vector<SessionOutcome>& outcomes);
  template <typename Event>
  void AddInPieces(std::vector<Event> events, std::vector<Event> SessionEvents::*member);

  OpenOperations& open_;
  const std::uint32_t max_message_bytes_;
  std::deque<Waiting> waiting_;  // None empty, and each fits into a message.
  // The outcomes in waiting_ that tell an operation its place, by operation.
  absl::flat_hash_map<std::uint64_t, SessionOutcome*> places_;
  std::size_t waiting_bytes_ = 0;
  std::size_t taken_bytes_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t sent_through_ = 0;
  SentMessages sent_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_SESSION_OUTBOX_H_
