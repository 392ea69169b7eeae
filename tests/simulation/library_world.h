// What the C++ library's lock logic runs in, simulated: its loop, its chance and its
// transport. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_LIBRARY_WORLD_H_
#define HOLDFAST_TESTS_SIMULATION_LIBRARY_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/loop.h"
#include "clients/cpp/core/random.h"
#include "tests/simulation/caller.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/process.h"

namespace holdfast::simulation {

// Tasks run at once; the alarm rings by the process's clock.
class LibraryLoop final : public core::Loop {
 public:
  explicit LibraryLoop(Process& process) : process_(process) {}

  MonotonicTime Now() const override { return MonotonicTime(process_.LocalNow()); }
  void SetAlarm(MonotonicTime when) override;
  void Stop() override {}

 private:
  Process& process_;
  Process::TimerId alarm_ = 0;
};

class LibraryChance final : public core::Random {
 public:
  LibraryChance(Chance& chance, std::uint32_t client) : chance_(chance), client_(client) {}

  std::string NewLeaseId() override;
  int ids() const { return last_id_; }  // How many there have been.
  std::string LeaseId(int number) const;
  double Fraction() override { return static_cast<double>(chance_.Below(1'000)) / 1'000; }

 private:
  Chance& chance_;
  const std::uint32_t client_;
  int last_id_ = 0;
};

class LibraryTransport final : public core::LockTransport {
 public:
  // Until when the library counts on the lease, by its own clock, once it has been told
  // of a grant or renewal; what it does not count on has passed.
  using Deadline = std::function<MonotonicTime(const std::string& lease_id)>;

  LibraryTransport(Caller& caller, Chance& chance, std::size_t first_channel, std::size_t channels,
                   Deadline deadline)
      : caller_(caller),
        chance_(chance),
        first_channel_(first_channel),
        channels_(channels),
        deadline_(std::move(deadline)) {}

  std::shared_ptr<WaitCall> Wait(const core::WaitRequest& request, WaitEvents events) override;
  void Renew(const std::string& key, const std::string& lease_id, Duration limit,
             absl::AnyInvocable<void(absl::StatusOr<core::Grant>)> done) override;
  void Release(const std::string& key, const std::string& lease_id, Duration limit,
               absl::AnyInvocable<void(absl::Status)> done) override;
  // Not asked for by what is simulated.
  void Get(const std::string& key, Duration limit,
           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) override;
  void Shutdown() override {}

 private:
  std::size_t AnyChannel() { return first_channel_ + chance_.Below(channels_); }
  void NoteDeadline(const std::string& lease_id, std::size_t event);

  Caller& caller_;
  Chance& chance_;
  const std::size_t first_channel_;
  const std::size_t channels_;
  const Deadline deadline_;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_LIBRARY_WORLD_H_
