#include "tests/simulation/timeline.h"

#include <algorithm>

namespace holdfast::simulation {

void Timeline::At(Time when, Action action) {
  heap_.push_back(
      {.when = std::max(when, now_), .sequence = ++last_sequence_, .action = std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

void Timeline::RunUntil(Time end) {
  while (!heap_.empty() && heap_.front().when <= end) {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const Entry next = std::move(heap_.back());
    heap_.pop_back();
    now_ = next.when;
    ++steps_;
    next.action();
  }
  now_ = end;
}

}  // namespace holdfast::simulation
