// How simulated clients call the server: sends requests over the network, gives up
// after a while, and writes down what was asked and what came of it.
// Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_CALLER_H_
#define HOLDFAST_TESTS_SIMULATION_CALLER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "services/lock/engine/command.h"
#include "services/lock/engine/outcome.h"
#include "tests/simulation/network.h"
#include "tests/simulation/process.h"
#include "tests/simulation/recorder.h"

namespace holdfast::simulation {

// An answer, and where it is in the history. A grant or renewal is written down as one
// that counts for nothing; whoever counts on it says until when (SetValidUntil).
struct Ending {
  const Outcome* outcome = nullptr;  // Null: unanswered.
  std::size_t event = 0;

  template <typename Kind>
  const Kind* As() const {
    return outcome == nullptr ? nullptr : std::get_if<Kind>(outcome);
  }
};

struct OperationEvents {
  std::function<void(const Queued&)> on_queued{};
  std::function<void(const Ending&)> on_end{};  // Called once, last, unless cancelled.
};

class Operation {
 public:
  virtual ~Operation() = default;

  // The caller does not want to hear of it any more.
  virtual void Cancel() = 0;
};

// How the history names a refusal, and an answer at this moment.
history::Reason ReasonOf(Refusal refusal);
history::What DescribeEnd(const Outcome& outcome, Time now);

class Caller {
 public:
  // These outlive it, and it outlives its operations.
  Caller(std::uint32_t client, Process& process, Network& network, Recorder& recorder)
      : client_(client), process_(process), network_(network), recorder_(recorder) {}

  // Lets go of what waits for answers that will not come any more.
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // Sends `body` over `channel`. Without an answer within `limit` it gives up. Dropping
  // the result changes nothing.
  std::shared_ptr<Operation> Call(std::size_t channel, CommandBody body,
                                  std::optional<Duration> limit, OperationEvents events);

  std::uint32_t client() const { return client_; }
  Process& process() const { return process_; }
  Recorder& recorder() const { return recorder_; }

 private:
  class OpenOperation;

  const std::uint32_t client_;
  Process& process_;
  Network& network_;
  Recorder& recorder_;
  std::uint64_t last_operation_ = 0;
  std::vector<std::weak_ptr<OpenOperation>> operations_;  // All that may still be open.
  std::size_t operations_to_tidy_ = 100;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_CALLER_H_
