#include "tests/bench/load/waiting.h"

#include <cstdio>
#include <cstdlib>

#include "tests/bench/load/keys.h"

namespace holdfast::bench {
namespace {

constexpr auto kLimit = std::chrono::seconds(30);

}  // namespace

class WaitingLine::Waiter final : public Slot {
 public:
  Waiter(WaitingLine& line, int slot_number) : line_(line) {
    number = slot_number;
    key = KeyOf(0);
    expire = std::chrono::hours(1);
    timeout = std::chrono::hours(1);
    line.driver_.Prepare(*this);
  }

  // What is under way: an acquire, or the release.
  bool acquiring = false;

  void Done(bool ok) override {
    if (acquiring) {
      line_.OnGranted(*this, ok);
    } else {
      line_.OnReleased(ok);
    }
  }

 private:
  WaitingLine& line_;
};

WaitingLine::WaitingLine(Driver& driver, int waiters) : driver_(driver) {
  for (int i = 0; i <= waiters; ++i) waiters_.emplace_back(*this, i);
  Acquire(waiters_.front());
  if (!AwaitGrant()) return;
  for (std::size_t i = 1; i < waiters_.size(); ++i) Acquire(waiters_[i]);
}

WaitingLine::~WaitingLine() { std::abort(); }

void WaitingLine::Acquire(Waiter& waiter) {
  waiter.lease_id = NextLeaseId();
  waiter.acquiring = true;
  driver_.Acquire(waiter);
}

bool WaitingLine::ok() {
  MutexLock lock(mutex_);
  return !failed_;
}

void WaitingLine::OnGranted(Waiter& waiter, bool ok) {
  const SteadyTime now = Now();
  MutexLock lock(mutex_);
  // Two at once would be a lock that does not lock.
  if (holder_ != nullptr) std::fputs("load: two hold the lock\n", stderr);
  if (!ok) std::fputs("load: a waiter was refused\n", stderr);
  failed_ = failed_ || !ok || holder_ != nullptr;
  holder_ = &waiter;
  granted_at_ = now;
  changed_.NotifyAll();
}

void WaitingLine::OnReleased(bool ok) {
  MutexLock lock(mutex_);
  released_ = true;
  failed_ = failed_ || !ok;
  changed_.NotifyAll();
}

bool WaitingLine::AwaitGrant() {
  MutexLock lock(mutex_);
  return changed_.WaitFor(mutex_, kLimit, [this]() REQUIRES(mutex_) {
    return failed_ || (released_ && holder_ != nullptr);
  }) && !failed_;
}

std::optional<Microseconds> WaitingLine::HandOver() {
  Waiter* former = nullptr;
  {
    MutexLock lock(mutex_);
    former = std::exchange(holder_, nullptr);
    released_ = false;
  }
  former->acquiring = false;
  const SteadyTime begin = Now();
  driver_.Release(*former);
  if (!AwaitGrant()) return {};
  SteadyTime end;
  {
    MutexLock lock(mutex_);
    end = granted_at_;
  }
  Acquire(*former);
  return end - begin;
}

}  // namespace holdfast::bench
