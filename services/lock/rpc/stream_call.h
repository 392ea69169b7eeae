// What the streaming calls share: how a stream is written, and how many may be open.
//
// gRPC takes one write at a time, and the end of a call only when none is under way.
// So what comes meanwhile gathers in the class that derives from StreamCall, and
// whoever finds the stream idle, the engine's thread or the end of a write, takes the
// next step: one message, or the end, or both at once. The step is chosen under the
// mutex and carried out without it. Who has no time leaves the step to another thread.
//
// Life: server_call.h. The engine's final outcome may meet a write that is under way;
// then the end of that write finishes the call. As soon as the mutex is free somebody else's step
// may finish the call, and with it the object: nothing but CarryOut may follow.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_STREAM_CALL_H_
#define HOLDFAST_SERVICES_LOCK_RPC_STREAM_CALL_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "common/mutex.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "services/lock/rpc/wire.h"

namespace holdfast {

// How many streams of a kind are open, and how many may be. A stream costs memory
// for as long as its client likes, so there must be an end to it. Thread-safe.
class OpenStreams {
 private:
  struct Close {
    void operator()(OpenStreams* streams) const {
      streams->count_.fetch_sub(1, std::memory_order_relaxed);
    }
  };

 public:
  // A stream's place among them, until it is destroyed.
  using Place = std::unique_ptr<OpenStreams, Close>;

  explicit OpenStreams(std::uint32_t limit) : limit_(limit) {}

  // Null: there are as many as may be.
  Place TryOpen() {
    const bool may = count_.fetch_add(1, std::memory_order_relaxed) < limit_;
    Place place(this);
    return may ? std::move(place) : nullptr;
  }

 private:
  const std::uint32_t limit_;
  std::atomic<std::uint32_t> count_{0};
};

// The outgoing half of a call. `Reactor` is a ServerCall that streams to the client;
// `Message` is what SerializeMessage takes.
//
// Thread-safe in what the loop and the engine call.
// Invariant: at most one thread has taken a step and not carried it out.
template <typename Reactor, typename Message>
class StreamCall : public Reactor {
 protected:
  struct Step {
    std::optional<Message> message;
    std::optional<grpc::Status> end;  // Behind the message, if there is one.
  };

  // What has gathered: called whenever the stream is idle and may have something to
  // do, until it has returned an end. Empty: nothing yet.
  virtual Step NextStep() REQUIRES(mutex_) = 0;

  // A message has been written, or cannot be. Called before the next step is taken, and
  // without the mutex.
  virtual void OnWritten() {}

  // To be called when what NextStep looks at has changed.
  Step TakeStep() REQUIRES(mutex_) {
    if (busy_) return {};
    Step step = NextStep();
    if (broken_ && step.message.has_value()) {
      step.message.reset();
      if (step.end.has_value()) step.end = grpc::Status::CANCELLED;
    }
    busy_ = step.message.has_value() || step.end.has_value();
    return step;
  }

  // The object may be gone when it returns.
  void CarryOut(Step step) {
    if (step.message.has_value()) bytes_ = SerializeMessage(*step.message);
    if (step.message.has_value() && step.end.has_value()) {
      this->StartWriteAndFinish(&bytes_, grpc::WriteOptions(), *step.end);
    } else if (step.message.has_value()) {
      this->StartWrite(&bytes_);
    } else if (step.end.has_value()) {
      this->Finish(*step.end);
    }
  }

  // In place of TakeStep, for whoever has no time to carry a step out. True: a step is
  // due, and Resume must be called to take it.
  bool Defer() REQUIRES(mutex_) {
    if (busy_) return false;
    busy_ = true;
    return true;
  }

  // The object may be gone when it returns.
  void Resume() { Continue(/*ok=*/true); }

  // Nothing can be written any more.
  bool broken() const REQUIRES(mutex_) { return broken_; }

  mutable Mutex mutex_;

 private:
  void OnWriteDone(bool ok) final {
    OnWritten();
    Continue(ok);
  }

  void Continue(bool ok) {
    Step step;
    {
      MutexLock lock(mutex_);
      busy_ = false;
      broken_ = broken_ || !ok;
      step = TakeStep();
    }
    CarryOut(std::move(step));
  }

  grpc::ByteBuffer bytes_;  // Of the write that is under way.
  // A step has been taken and is not at its end. Of the last one for good.
  bool busy_ GUARDED_BY(mutex_) = false;
  bool broken_ GUARDED_BY(mutex_) = false;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_STREAM_CALL_H_
