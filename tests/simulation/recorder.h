// Writes down what happens in a simulation: the history for the checker, and a hash of
// everything, by which two runs of one seed are told to be the same.
// Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_RECORDER_H_
#define HOLDFAST_TESTS_SIMULATION_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/simulation/timeline.h"
#include "tests/support/history/history.h"

namespace holdfast::simulation {

class Recorder {
 public:
  // `timeline` outlives it.
  explicit Recorder(const Timeline& timeline) : timeline_(timeline) {}

  // Returns where in the history the event is.
  std::size_t Record(std::uint32_t client, std::uint64_t operation, history::What what);

  // The Granted or Renewed event that is there counts until this moment.
  void SetValidUntil(std::size_t event, history::Time valid_until);

  // Something is wrong that no history shows.
  void Fail(std::string what);

  // From this moment on every call is to be answered in time.
  void ExpectCalmFrom(Time moment) { calm_from_ = moment; }
  bool calm() const { return timeline_.now() >= calm_from_; }

  Time now() const { return timeline_.now(); }

  const history::History& history() const { return history_; }
  const std::vector<std::string>& failures() const { return failures_; }
  std::uint64_t hash() const { return hash_; }

 private:
  void Mix(std::uint64_t number);
  void Mix(std::string_view text);

  const Timeline& timeline_;
  history::History history_;
  std::vector<std::string> failures_;
  Time calm_from_ = history::kForever;
  std::uint64_t hash_ = 0xcbf29ce484222325U;  // FNV-1a.
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_RECORDER_H_
