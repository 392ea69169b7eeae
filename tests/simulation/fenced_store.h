// What the locks guard: a value per key that is written together with a fencing token,
// and refuses a token smaller than the largest it has seen. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_FENCED_STORE_H_
#define HOLDFAST_TESTS_SIMULATION_FENCED_STORE_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/simulation/recorder.h"
#include "tests/support/history/history.h"

namespace holdfast::simulation {

class FencedStore {
 public:
  // `recorder` outlives it.
  explicit FencedStore(Recorder& recorder) : recorder_(recorder) {}

  // Whether it was accepted.
  bool Write(std::uint32_t client, const std::string& key, std::uint64_t fencing_token) {
    std::uint64_t& largest = largest_[key];
    const bool accepted = fencing_token >= largest;
    largest = std::max(largest, fencing_token);
    recorder_.Record(
        client, 0,
        history::Written{.resource = key, .fencing_token = fencing_token, .accepted = accepted});
    return accepted;
  }

  // An administrator takes locks on `key` from their holders, who may then find a
  // larger token here while their leases are good by their own clocks.
  void MarkForced(const std::string& key) { forced_.insert(key); }
  bool forced(const std::string& key) const { return forced_.contains(key); }

 private:
  Recorder& recorder_;
  std::map<std::string, std::uint64_t> largest_;
  std::set<std::string> forced_;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_FENCED_STORE_H_
