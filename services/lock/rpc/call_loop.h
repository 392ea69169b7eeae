// The thread that serves calls. It takes whatever gRPC has for it, one event after the
// other, and lets the calls act on each; when there is nothing more it lets the engine
// take its turn, with all that those calls have submitted.
//
// Why not gRPC's callback API: that has two threads at least, and lets a third one write
// where they meet on a connection. On two cores a pair of calls costs a bare server of
// that kind a fifth more than one with one thread and a completion queue, and ours twice
// as much: every call woke the engine's thread, whose answer woke one of gRPC's. One
// service by the callback API in the process brings those threads back, and they take
// part in reading every connection. So there must be none.

#ifndef HOLDFAST_SERVICES_LOCK_RPC_CALL_LOOP_H_
#define HOLDFAST_SERVICES_LOCK_RPC_CALL_LOOP_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "grpcpp/completion_queue.h"
#include "services/lock/engine/lock_engine.h"

namespace holdfast {

// Accept, Start and Stop are called in this order, each by one thread.
class CallLoop {
 public:
  // What the queue's tags point to.
  class Event {
   public:
    // On the loop's thread. `ok` is gRPC's. The event may be gone when it returns.
    virtual void Happen(bool ok) = 0;

   protected:
    ~Event() = default;
  };

  // The calls of one method.
  class Acceptor {
   public:
    explicit Acceptor(CallLoop& loop) : loop_(loop) {}
    virtual ~Acceptor() = default;
    // Makes the object for a call that may come. To be called on the loop's thread, once
    // that runs.
    virtual void Await() = 0;
    // Such an object is gone, whether its call has come or not. To be called as Await.
    void Gone() { loop_.CallGone(); }

   protected:
    CallLoop& loop() { return loop_; }

   private:
    CallLoop& loop_;
  };

  // `engine` must live until Stop returns.
  CallLoop(std::unique_ptr<grpc::ServerCompletionQueue> queue, LockEngine& engine)
      : queue_(std::move(queue)), engine_(engine) {}
  ~CallLoop() { Stop(); }
  CallLoop(const CallLoop&) = delete;
  CallLoop& operator=(const CallLoop&) = delete;

  // Serves the calls of a method: `make` makes a ServerCall (server_call.h) for each,
  // which `request`, a method of `service` that gRPC's generator calls Request..., waits
  // for. REQUIRES: the server has been started.
  template <typename Service, typename Request, typename Make>
  void Accept(Service& service, Request request, Make make);

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }

  // For what takes longer than others should wait for the engine's turn: on a loop's thread
  // it is done when the engine has had its turn, and must not call this again. False: this
  // is no loop's thread.
  static bool DoAfterTurn(std::function<void()> work);

  // Returns when all calls are done; somebody must answer each. REQUIRES: the server has been
  // shut down, or was never started.
  void Stop();

 private:
  // So many calls of a method may come between two looks at the queue without waiting for
  // a place.
  static constexpr int kCallsAwaited = 16;

  template <typename Service, typename Request, typename Make>
  class MethodAcceptor;

  void Run();
  void CallGone();

  const std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  LockEngine& engine_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  bool stopped_ = false;

  // The objects that there are, of calls that have come or may come. gRPC aborts the process
  // if one of them starts something when the queue has been shut down.
  std::atomic<int> calls_{0};
  std::thread thread_;
};

template <typename Service, typename Request, typename Make>
class CallLoop::MethodAcceptor final : public Acceptor {
 public:
  MethodAcceptor(CallLoop& loop, Service& service, Request request, Make make)
      : Acceptor(loop), service_(service), request_(request), make_(std::move(make)) {}

  void Await() override {
    ++loop().calls_;
    grpc::ServerCompletionQueue& queue = *loop().queue_;
    make_()->AwaitWith(*this, [&](void* tag, auto*... places) {
      (service_.*request_)(places..., &queue, &queue, tag);
    });
  }

 private:
  Service& service_;
  const Request request_;
  const Make make_;
};

template <typename Service, typename Request, typename Make>
void CallLoop::Accept(Service& service, Request request, Make make) {
  acceptors_.push_back(std::make_unique<MethodAcceptor<Service, Request, Make>>(
      *this, service, request, std::move(make)));
  for (int i = 0; i < kCallsAwaited; ++i) acceptors_.back()->Await();
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_RPC_CALL_LOOP_H_
