#include "services/common/spare_memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

namespace holdfast {
namespace {

// To look takes the heaps' locks for a moment each, longer the more pieces are free.
constexpr std::chrono::seconds kBetweenLooks(5);

// When giving back has not helped, because what is free lies in pages that are in use, it
// is tried again after so many times as long, up to the second figure.
constexpr int kBackOff = 2;
constexpr int kMostLooks = 120;

}  // namespace

std::size_t SpareMemory() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  resident *= static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const struct mallinfo2 heaps = mallinfo2();
  const std::size_t used = heaps.uordblks + heaps.hblkhd;
  return resident > used ? resident - used : 0;
}

SpareMemoryReturner::~SpareMemoryReturner() {
  {
    MutexLock lock(mutex_);
    ended_ = true;
  }
  ends_.NotifyOne();
  thread_.join();
}

void SpareMemoryReturner::Run() {
  int looks = 1;  // From one to the next that may give back.
  int left = looks;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (ends_.WaitFor(mutex_, kBetweenLooks, [this]() REQUIRES(mutex_) { return ended_; })) {
        return;
      }
    }
    if (--left > 0) continue;
    const std::size_t before = SpareMemory();
    const bool too_much = before > kReserve;
    if (too_much) malloc_trim(0);
    const bool helped = !too_much || SpareMemory() < before - before / 8;
    looks = helped ? 1 : std::min(looks * kBackOff, kMostLooks);
    left = looks;
  }
}

}  // namespace holdfast
