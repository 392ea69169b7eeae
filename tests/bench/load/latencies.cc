#include "tests/bench/load/latencies.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace holdfast::bench {

void Latencies::Add(const Latencies& others) {
  taken_.insert(taken_.end(), others.taken_.begin(), others.taken_.end());
}

double Latencies::Sum() const { return std::accumulate(taken_.begin(), taken_.end(), 0.0); }

double Latencies::Quantile(double share) {
  if (taken_.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(taken_.size()));
  const auto nth = taken_.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(taken_.begin(), nth, taken_.end());
  return *nth;
}

}  // namespace holdfast::bench
