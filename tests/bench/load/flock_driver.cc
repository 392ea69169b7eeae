#include "tests/bench/load/flock_driver.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <thread>

#include "common/file_descriptor.h"
#include "common/mutex.h"

namespace holdfast::bench {

// A slot's thread: does one operation after the other.
class FlockDriver::Caller final : public SlotState {
 public:
  enum class Task { kNone, kAcquire, kRelease, kEnd };

  explicit Caller(Slot& slot) : slot_(slot), thread_([this] { Run(); }) {}

  ~Caller() override {
    Start(Task::kEnd, {});
    thread_.join();
  }

  void Start(Task task, std::string path) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    task_ = task;
    path_ = std::move(path);
    // The thread itself looks again when its slot's Done returns.
    if (std::this_thread::get_id() != thread_.get_id()) changed_.NotifyOne();
  }

 private:
  void Run() EXCLUDES(mutex_) {
    while (true) {
      Task task = Task::kNone;
      std::string path;
      {
        MutexLock lock(mutex_);
        while (task_ == Task::kNone) changed_.Wait(mutex_);
        task = std::exchange(task_, Task::kNone);
        path = std::move(path_);
      }
      if (task == Task::kEnd) return;
      slot_.Done(task == Task::kAcquire ? Acquire(path) : Release());
    }
  }

  bool Acquire(const std::string& path) {
    file_ = FileDescriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    return file_.valid() && flock(file_.get(), LOCK_EX) == 0;
  }

  bool Release() {
    file_.Reset();
    return true;
  }

  Slot& slot_;
  FileDescriptor file_;  // The thread's.

  Mutex mutex_;
  CondVar changed_;
  Task task_ GUARDED_BY(mutex_) = Task::kNone;
  std::string path_ GUARDED_BY(mutex_);

  std::thread thread_;  // The last member: it uses the others.
};

void FlockDriver::Prepare(Slot& slot) { slot.state = std::make_unique<Caller>(slot); }

void FlockDriver::Acquire(Slot& slot) {
  std::string name = slot.key;
  std::replace(name.begin(), name.end(), '/', '_');
  static_cast<Caller&>(*slot.state).Start(Caller::Task::kAcquire, folder_ + "/" + name);
}

void FlockDriver::Release(Slot& slot) {
  static_cast<Caller&>(*slot.state).Start(Caller::Task::kRelease, {});
}

}  // namespace holdfast::bench
