#include "services/lock/rpc/call_loop.h"

#include <functional>
#include <utility>
#include <vector>

#include "grpc/support/time.h"

namespace holdfast {
namespace {

// Then the engine has its turn even if there are more. A call takes three.
constexpr int kEventsAtOnce = 512;

// Of the loop whose thread this is: what is to be done after its turn.
thread_local std::vector<std::function<void()>>* after_turn = nullptr;

}  // namespace

bool CallLoop::DoAfterTurn(std::function<void()> work) {
  if (after_turn == nullptr) return false;
  after_turn->push_back(std::move(work));
  return true;
}

void CallLoop::Run() {
  const gpr_timespec at_once = gpr_time_0(GPR_CLOCK_MONOTONIC);
  void* tag = nullptr;
  bool ok = false;
  std::vector<std::function<void()>> work;
  after_turn = &work;
  while (queue_->Next(&tag, &ok)) {
    int events = 0;
    do {
      static_cast<Event*>(tag)->Happen(ok);
    } while (++events < kEventsAtOnce &&
             queue_->AsyncNext(&tag, &ok, at_once) == grpc::CompletionQueue::GOT_EVENT);
    engine_.TakeTurn();
    for (const std::function<void()>& each : work) each();
    work.clear();
  }
  after_turn = nullptr;
}

void CallLoop::CallGone() {
  if (calls_.fetch_sub(1) == 1) calls_.notify_one();
}

void CallLoop::Stop() {
  if (stopped_) return;
  stopped_ = true;
  if (thread_.joinable()) {
    for (int calls = calls_; calls > 0; calls = calls_) calls_.wait(calls);
    queue_->Shutdown();
    thread_.join();
    return;
  }
  queue_->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<Event*>(tag)->Happen(ok);
}

}  // namespace holdfast
