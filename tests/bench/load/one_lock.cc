// One lock of two processes: the holder is killed, and the other gets it.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "common/mutex.h"
#include "tests/bench/load/measures.h"

namespace holdfast::bench {
namespace {

// Waits for its one operation.
class OneSlot final : public Slot {
 public:
  OneSlot(Driver& driver, const std::string& name) : driver_(driver) {
    key = name;
    lease_id = NextLeaseId();
    timeout = std::chrono::hours(1);
    bound = true;
    driver.Prepare(*this);
  }

  // When it was granted; absent: it was refused.
  std::optional<SteadyTime> Acquire() EXCLUDES(mutex_) {
    driver_.Acquire(*this);
    MutexLock lock(mutex_);
    while (!ended_) changed_.Wait(mutex_);
    return ok_ ? std::optional(at_) : std::nullopt;
  }

  void Done(bool ok) override {
    MutexLock lock(mutex_);
    at_ = Now();
    ended_ = true;
    ok_ = ok;
    changed_.NotifyAll();
  }

 private:
  Driver& driver_;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ GUARDED_BY(mutex_) = false;
  bool ok_ GUARDED_BY(mutex_) = false;
  SteadyTime at_ GUARDED_BY(mutex_);
};

}  // namespace

void HoldUntilKilled(Driver& driver, const std::string& key) {
  // Its lease is not to end before the process does.
  auto& slot = *new OneSlot(driver, key);
  if (!slot.Acquire()) std::_Exit(1);
  std::puts("{}");
  std::fflush(stdout);
  while (true) pause();
}

std::optional<Report> AwaitKey(Driver& driver, const std::string& key) {
  auto& slot = *new OneSlot(driver, key);
  const auto at = slot.Acquire();
  if (!at) return {};
  return Report{{"at_s", std::chrono::duration<double>(at->time_since_epoch()).count()}};
}

}  // namespace holdfast::bench
