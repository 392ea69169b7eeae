#include "clients/cpp/core/dispatcher.h"

#include <utility>

#include "clients/cpp/core/rendezvous.h"
#include "clients/cpp/core/thread.h"

namespace holdfast::core {

absl::StatusOr<std::unique_ptr<Dispatcher>> Dispatcher::Create(const std::string& thread_name) {
  auto state = std::make_shared<State>();
  absl::StatusOr<std::thread> thread = StartThread(thread_name, [state] { RunTasks(*state); });
  if (!thread.ok()) return thread.status();
  std::unique_ptr<Dispatcher> dispatcher(new Dispatcher(std::move(state)));
  dispatcher->thread_ = *std::move(thread);
  return dispatcher;
}

Dispatcher::~Dispatcher() { Stop(); }

void Dispatcher::Post(Task task) {
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

void Dispatcher::Flush() {
  if (thread_.get_id() == std::this_thread::get_id()) return;
  auto done = std::make_shared<Rendezvous<bool>>();
  Post([done] { done->Set(true); });
  done->Wait();
}

void Dispatcher::Stop() {
  {
    MutexLock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.NotifyAll();
  }
  JoinOrDetach(thread_);
}

void Dispatcher::RunTasks(State& state) {
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

}  // namespace holdfast::core
