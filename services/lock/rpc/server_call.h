// A call of one of the service's methods, over gRPC's completion queues: what happens to
// it comes as a virtual call, and what it does ends with another, as in gRPC's callback
// API. Messages are bytes.
//
// Life: made before the call comes, by a CallLoop. OnStart is the first to be called, and
// OnDone the last, once everything that was started has ended, Finish among it; the
// object then deletes itself. All of them are called on the loop's thread, so never two
// at the same time. What starts something may be called on any thread, in OnStart at the
// earliest, and the object may be gone when it returns. If no call comes any more the
// object is deleted without any of this.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_SERVER_CALL_H_
#define HOLDFAST_SERVICES_LOCK_RPC_SERVER_CALL_H_

#include <atomic>

#include "grpcpp/server_context.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/async_unary_call.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "services/lock/rpc/call_loop.h"

namespace holdfast {

class ServerCall {
 public:
  ServerCall(const ServerCall&) = delete;
  ServerCall& operator=(const ServerCall&) = delete;

 protected:
  // Calls a method of its owner, which must not be gone by then.
  template <typename Owner, void (Owner::*kMethod)(bool ok)>
  class EventOf final : public CallLoop::Event {
   public:
    explicit EventOf(Owner& owner) : owner_(owner) {}
    void Happen(bool ok) override { (owner_.*kMethod)(ok); }

   private:
    Owner& owner_;
  };

  ServerCall() { context_.AsyncNotifyWhenDone(&ended_event_); }
  virtual ~ServerCall() { acceptor_->Gone(); }

  // The call has come, with its request if that is no stream.
  virtual void OnStart() = 0;

  // The caller has gone, or the server stops without having waited for it. Somebody must
  // still Finish the call, if nobody has.
  virtual void OnCancel() = 0;

  virtual void OnDone() = 0;

  // For OnDone: whether the caller had gone, so that perhaps it has not got everything.
  bool cancelled() const { return cancelled_; }

  grpc::ServerContext& context() { return context_; }

  // Around everything that OnDone waits for, but for Finish.
  void Started() { pending_.fetch_add(1, std::memory_order_relaxed); }
  void Ended() {
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) OnDone();
  }

  // Of Finish.
  CallLoop::Event* finished_event() { return &finished_event_; }

  // For AwaitWith.
  void* BelongTo(CallLoop::Acceptor& acceptor) {
    acceptor_ = &acceptor;
    return &came_event_;
  }

 private:
  void OnCame(bool ok) {
    if (!ok) {
      delete this;
      return;
    }
    acceptor_->Await();
    OnStart();
  }

  void OnEnded(bool /*ok*/) {
    cancelled_ = context_.IsCancelled();
    if (cancelled_) OnCancel();
    Ended();
  }

  void OnFinished(bool /*ok*/) { Ended(); }

  grpc::ServerContext context_;
  EventOf<ServerCall, &ServerCall::OnCame> came_event_{*this};
  EventOf<ServerCall, &ServerCall::OnEnded> ended_event_{*this};
  EventOf<ServerCall, &ServerCall::OnFinished> finished_event_{*this};
  CallLoop::Acceptor* acceptor_ = nullptr;  // Set as soon as the object has been made.
  bool cancelled_ = false;
  std::atomic<int> pending_{2};  // OnEnded and OnFinished.
};

// One message in and one out.
class UnaryServerCall : public ServerCall {
 public:
  template <typename Request>
  void AwaitWith(CallLoop::Acceptor& acceptor, Request request) {
    request(BelongTo(acceptor), &context(), &request_, &writer_);
  }

 protected:
  const grpc::ByteBuffer& request() const { return request_; }

  // `message` is sent if the status is OK.
  void Finish(const grpc::ByteBuffer& message, const grpc::Status& status) {
    writer_.Finish(message, status, finished_event());
  }

 private:
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&context()};
};

// The outgoing half of a stream: `Io` is gRPC's, for bytes. One write at a time, and
// Finish when none is under way.
template <typename Io>
class WritingServerCall : public ServerCall {
 protected:
  // `bytes` must live until OnWriteDone.
  void StartWrite(const grpc::ByteBuffer* bytes) {
    Started();
    io_.Write(*bytes, &written_event_);
  }
  void StartWriteAndFinish(const grpc::ByteBuffer* bytes, grpc::WriteOptions options,
                           const grpc::Status& status) {
    io_.WriteAndFinish(*bytes, options, status, finished_event());
  }
  void Finish(const grpc::Status& status) { io_.Finish(status, finished_event()); }

  // Not ok: the stream is broken.
  virtual void OnWriteDone(bool ok) = 0;

  Io& io() { return io_; }

 private:
  void OnWriteEvent(bool ok) {
    OnWriteDone(ok);
    Ended();
  }

  Io io_{&context()};
  EventOf<WritingServerCall, &WritingServerCall::OnWriteEvent> written_event_{*this};
};

// One message in, and a stream out.
class WriteServerCall : public WritingServerCall<grpc::ServerAsyncWriter<grpc::ByteBuffer>> {
 public:
  template <typename Request>
  void AwaitWith(CallLoop::Acceptor& acceptor, Request request) {
    request(BelongTo(acceptor), &context(), &request_, &io());
  }

 protected:
  const grpc::ByteBuffer& request() const { return request_; }

 private:
  grpc::ByteBuffer request_;
};

// A stream in and a stream out.
class BidiServerCall
    : public WritingServerCall<grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> {
 public:
  template <typename Request>
  void AwaitWith(CallLoop::Acceptor& acceptor, Request request) {
    request(BelongTo(acceptor), &context(), &io());
  }

 protected:
  // One at a time. `bytes` must live until OnReadDone.
  void StartRead(grpc::ByteBuffer* bytes) {
    Started();
    io().Read(bytes, &read_event_);
  }

  // Not ok: nothing more will come.
  virtual void OnReadDone(bool ok) = 0;

 private:
  void OnReadEvent(bool ok) {
    OnReadDone(ok);
    Ended();
  }

  EventOf<BidiServerCall, &BidiServerCall::OnReadEvent> read_event_{*this};
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_SERVER_CALL_H_
