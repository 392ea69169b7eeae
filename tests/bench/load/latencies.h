// How long operations took, and what the average hides.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_LATENCIES_H_
#define HOLDFAST_TESTS_BENCH_LOAD_LATENCIES_H_

#include <cstddef>
#include <vector>

namespace holdfast::bench {

// In microseconds, each one kept: quantiles are exact. Not thread-safe.
class Latencies {
 public:
  void Add(double microseconds) { taken_.push_back(microseconds); }
  void Add(const Latencies& others);

  std::size_t count() const { return taken_.size(); }

  double Sum() const;

  // The smallest latency that at least this share of all does not exceed. 0 if there
  // are none. REQUIRES: 0 < share <= 1.
  double Quantile(double share);

 private:
  std::vector<double> taken_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_LATENCIES_H_
