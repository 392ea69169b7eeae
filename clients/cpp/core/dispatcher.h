// A thread that runs the user's code: callbacks, coroutines, and what is
// registered on Lease::lost(). Such code may block, so it never runs in a task.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_DISPATCHER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_DISPATCHER_H_

#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "clients/cpp/core/scheduler.h"
#include "common/mutex.h"
#include "common/thread_annotations.h"

namespace holdfast::core {

// Thread-safe. Runs tasks one after another, in the order in which they came.
class Dispatcher {
 public:
  // RESOURCE_EXHAUSTED: there can be no more threads.
  static absl::StatusOr<std::unique_ptr<Dispatcher>> Create(const std::string& thread_name);

  // Calls Stop.
  ~Dispatcher();

  void Post(Task task);

  // Waits until everything that was posted before has run. Returns at once on the
  // dispatcher's own thread.
  void Flush();

  // Runs what was posted and ends the thread. On the dispatcher's own thread it
  // does not wait for that. What is posted later runs on the poster's thread.
  void Stop();

 private:
  // Outlives the dispatcher if one of its own tasks destroys it.
  struct State {
    Mutex mutex;
    CondVar changed;
    std::deque<Task> tasks GUARDED_BY(mutex);
    bool stopping GUARDED_BY(mutex) = false;
  };

  explicit Dispatcher(std::shared_ptr<State> state) : state_(std::move(state)) {}

  static void RunTasks(State& state);

  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_DISPATCHER_H_
