// A client of the bare API that behaves as users do, well or badly.
//
// It goes through one episode after another: takes a lock under a new lease_id, holds
// it, perhaps renews it and writes to what it guards, and gives it back. On the way it
// retries, cancels, overtakes itself, forgets, overstays, and repeats itself when all
// is over. How long a lease is good for it computes as the C++ library does.
// Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_RAW_CLIENT_H_
#define HOLDFAST_TESTS_SIMULATION_RAW_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "services/lock/engine/command.h"
#include "services/lock/engine/lease.h"
#include "tests/simulation/caller.h"
#include "tests/simulation/client.h"
#include "tests/simulation/process.h"

namespace holdfast::simulation {

class RawClient final : public Client {
 public:
  RawClient(const ClientWorld& world, const ClientPlan& plan, ClockSkew skew);

  void Start() override;
  void WindDown() override;
  bool idle() const override { return winding_down_ && stage_ == Stage::kIdle; }
  void DieAndRestart() override;
  std::uint32_t number() const override { return caller_->client(); }
  Process& process() override { return process_; }

 private:
  enum class Stage { kIdle, kAcquiring, kHolding, kReleasing };

  void Rest();
  void BeginEpisode();
  void SendAcquire();
  void OnAcquireEnded(const Ending& ending);
  void OnAcquireUnanswered();

  void Hold(std::uint64_t fencing_token);
  void Count(const LeaseView& lease, Duration sent, std::size_t event);
  void WatchDeadline();
  void ScheduleRenewal();
  void SendRenew();
  void OnRenewEnded(const Ending& ending, Duration sent);
  void Write();
  void OnLost();

  void SendRelease();
  void OnReleaseEnded(const Ending& ending);
  void EndEpisode();
  void SendDuplicate();

  std::size_t AnyChannel() { return first_channel_ + world_.chance.Below(kChannels); }
  void In(Duration span, void (RawClient::*what)());

  static constexpr std::size_t kChannels = 2;

  const ClientWorld world_;
  const ClientPlan plan_;
  Process process_;
  std::size_t first_channel_ = 0;
  std::unique_ptr<Caller> caller_;
  bool winding_down_ = false;

  // The episode.
  Stage stage_ = Stage::kIdle;
  std::uint64_t episode_ = 0;  // What was scheduled in an earlier one is void.
  LeaseSpec spec_;
  Duration timeout_{};
  bool renews_ = false;
  bool renews_otherwise_ = false;  // Each time with another expire.
  bool renews_no_more_ = false;    // The renewal that is under way is the last one.
  bool unanswered_ = false;        // A call with the lease_id of this episode was.
  bool overstays_ = false;
  std::shared_ptr<Operation> operation_;
  std::uint64_t fencing_token_ = 0;
  Duration deadline_{};  // By its own clock.
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_RAW_CLIENT_H_
