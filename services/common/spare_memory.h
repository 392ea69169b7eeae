// Gives memory back to the system that the process has freed.
//
// The C library keeps what is freed in the middle of its heaps, so after a peak the
// process would stay as large as it has ever been. A thread looks every few seconds, and
// gives back what is more than a reserve.

#ifndef HOLDFAST_SERVICES_COMMON_SPARE_MEMORY_H_
#define HOLDFAST_SERVICES_COMMON_SPARE_MEMORY_H_

#include <cstddef>
#include <thread>

#include "common/mutex.h"

namespace holdfast {

// Resident bytes that are not in use, about: pages of programs and libraries are among
// them. 0: unknown.
std::size_t SpareMemory();

// Thread-compatible. Looks for as long as it lives.
class SpareMemoryReturner {
 public:
  // What is kept: about as much as a busy minute frees and takes again, and the pages of
  // the program itself.
  static constexpr std::size_t kReserve = std::size_t{96} * 1024 * 1024;

  SpareMemoryReturner() : thread_([this] { Run(); }) {}
  ~SpareMemoryReturner();
  SpareMemoryReturner(const SpareMemoryReturner&) = delete;
  SpareMemoryReturner& operator=(const SpareMemoryReturner&) = delete;

 private:
  void Run();

  Mutex mutex_;
  CondVar ends_;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_COMMON_SPARE_MEMORY_H_
