#include "clients/cpp/core/runtime.h"

#include <utility>

#include "clients/cpp/core/thread.h"

namespace holdfast::core {

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(const std::string& thread_name) {
  auto state = std::make_shared<State>();
  absl::StatusOr<std::thread> thread = StartThread(thread_name, [state] { RunTasks(*state); });
  if (!thread.ok()) return thread.status();
  std::unique_ptr<Worker> worker(new Worker(std::move(state)));
  worker->thread_ = *std::move(thread);
  return worker;
}

Worker::~Worker() { Stop(); }

void Worker::Post(Task task) {
  {
    MutexLock lock(state_->mutex);
    if (!state_->stopping) {
      state_->tasks.push_back(std::move(task));
      state_->changed.NotifyAll();
      return;
    }
  }
  std::move(task)();
}

void Worker::Flush() {
  if (thread_.get_id() == std::this_thread::get_id()) return;
  auto done = std::make_shared<Handover<bool>>();
  Post([done] { done->Set(true); });
  done->Wait();
}

void Worker::Stop() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.NotifyAll();
  }
  JoinOrDetach(thread_);
}

void Worker::RunTasks(State& state) {
  for (;;) {
    Task next;
    {
      MutexLock lock(state.mutex);
      while (state.tasks.empty() && !state.stopping) state.changed.Wait(state.mutex);
      if (state.tasks.empty()) return;
      next = std::move(state.tasks.front());
      state.tasks.pop_front();
    }
    std::move(next)();
  }
}

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Create(std::unique_ptr<Loop> loop) {
  auto callbacks = Worker::Create("holdfast-calls");
  if (!callbacks.ok()) return callbacks.status();
  auto signals = Worker::Create("holdfast-lost");
  if (!signals.ok()) return signals.status();
  return std::unique_ptr<Runtime>(
      new Runtime(std::move(loop), *std::move(callbacks), *std::move(signals)));
}

void Runtime::RunAndWait(Task task) {
  auto done = std::make_shared<Handover<bool>>();
  loop_->Run([done, task = std::move(task)]() mutable {
    std::move(task)();
    done->Set(true);
  });
  done->Wait();
}

void Runtime::Stop() {
  loop_->Stop();
  callbacks_->Stop();
  signals_->Stop();
}

}  // namespace holdfast::core
