#include "tests/simulation/process.h"

#include <utility>

namespace holdfast::simulation {
namespace {

constexpr std::int64_t kMillion = 1'000'000;

}  // namespace

Duration Process::LocalAt(Time time) const {
  // In two parts, because a product of nanoseconds and a million could overflow.
  const std::int64_t whole = time.count() / kMillion;
  const std::int64_t rest = time.count() % kMillion;
  const std::int64_t drift =
      whole * skew_.parts_per_million + rest * skew_.parts_per_million / kMillion;
  return skew_.offset + time + Duration(drift);
}

Time Process::TrueTime(Duration local) const {
  if (local == Duration::max()) return history::kForever;
  // The drift over the drift is below a nanosecond's worth for the spans of a run; the
  // loop makes up for what rounding leaves.
  Time time = local - skew_.offset;
  for (int i = 0; i < 4; ++i) time -= LocalAt(time) - local;
  return time;
}

Process::TimerId Process::At(Duration local, Action action) {
  const TimerId timer = ++last_timer_;
  actions_.emplace(timer, std::move(action));
  timeline_.At(TrueTime(local), [this, alive = alive_, timer] {
    if (*alive) Fire(timer);
  });
  return timer;
}

void Process::Fire(TimerId timer) {
  const auto found = actions_.find(timer);
  if (found == actions_.end()) return;
  if (stopped_) {
    held_back_.push_back(timer);
    return;
  }
  const Action action = std::move(found->second);
  actions_.erase(found);
  action();
}

void Process::Continue() {
  stopped_ = false;
  for (const TimerId timer : std::exchange(held_back_, {})) {
    timeline_.After(Duration::zero(), [this, alive = alive_, timer] {
      if (*alive) Fire(timer);
    });
  }
}

void Process::Die() {
  stopped_ = false;
  actions_.clear();
  held_back_.clear();
}

}  // namespace holdfast::simulation
