// Everything that the lock logic runs in, faked: a loop whose time stands still until the test
// lets it pass, a transport behind which the test plays the server by hand, and chance that is
// certain.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_FAKE_WORLD_H_
#define HOLDFAST_CLIENTS_CPP_CORE_FAKE_WORLD_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/core/lock_transport.h"
#include "clients/cpp/core/loop.h"
#include "clients/cpp/core/random.h"
#include "holdfast/lock_info.h"
#include "holdfast/lock_watch.h"
#include "holdfast/time.h"

namespace holdfast::core {

// Time passes on one thread, outside of tasks; the rest is thread-safe.
class FakeLoop final : public Loop {
 public:
  MonotonicTime Now() const override { return MonotonicTime(Duration(now_.load())); }
  void SetAlarm(MonotonicTime when) override;
  void Stop() override { stopped_ = true; }

  // Lets time pass; the alarm rings each time that it is set for on the way.
  void Advance(Duration span);

  // Lets time pass while the process is stopped: the alarm rings at the end, late.
  void Freeze(Duration span);

  // When the alarm is to ring; and whether it is.
  MonotonicTime alarm() const { return alarm_; }
  bool waits() const { return alarm_ != MonotonicTime::max(); }

 private:
  void RingIfDue();

  MonotonicTime alarm_ = MonotonicTime::max();
  std::atomic<bool> stopped_{false};
  // An hour after boot, so that moments before this are moments too.
  std::atomic<Duration::rep> now_{Duration(std::chrono::hours(1)).count()};
};

// --- The server ---------------------------------------------------------------------------

// A Wait call that the client has made.
class FakeWait final : public LockTransport::WaitCall {
 public:
  FakeWait(WaitRequest request, LockTransport::WaitEvents events)
      : request_(std::move(request)), events_(std::move(events)) {}

  void Cancel() override { cancelled_ = true; }

  const WaitRequest& request() const { return request_; }
  bool cancelled() const { return cancelled_; }

  // What the server may say. The grant's lease is as long as was asked for.
  void SayQueued(std::uint32_t position, const std::string& holder);
  void SayGranted(std::uint64_t fencing_token, Duration elapsed = {});
  void SayGranted(const Grant& grant) { events_.on_end(grant); }
  void SayEnded(absl::Status status) { events_.on_end(std::move(status)); }

 private:
  const WaitRequest request_;
  LockTransport::WaitEvents events_;
  bool cancelled_ = false;
};

// A watch that the client has begun. `events` is what the server may say.
class FakeWatch final : public LockTransport::WatchCall {
 public:
  FakeWatch(LockFilter filter, LockTransport::WatchEvents watch_events)
      : events(std::move(watch_events)), filter_(std::move(filter)) {}

  void Cancel() override { cancelled_ = true; }
  void ReadOn() override { ++read_on_; }

  const LockFilter& filter() const { return filter_; }
  bool cancelled() const { return cancelled_; }
  int read_on() const { return read_on_; }  // How often.

  LockTransport::WatchEvents events;

 private:
  const LockFilter filter_;
  std::atomic<bool> cancelled_{false};
  std::atomic<int> read_on_{0};
};

// A short call that the client has made.
template <typename Answer>
struct FakeCall {
  std::string key;
  std::string lease_id;
  Duration limit{};
  absl::AnyInvocable<void(Answer)> answer;
};

// Thread-compatible. Keeps the calls, in order, for the test to look at and to answer.
class FakeTransport final : public LockTransport {
 public:
  std::shared_ptr<WaitCall> Wait(const WaitRequest& request, WaitEvents events) override;
  void Renew(const std::string& key, const std::string& lease_id, Duration limit,
             absl::AnyInvocable<void(absl::StatusOr<Grant>)> done) override;
  void RenewAll(Duration limit,
                absl::AnyInvocable<void(absl::StatusOr<std::uint64_t>)> done) override;
  void Release(const std::string& key, const std::string& lease_id, Duration limit,
               absl::AnyInvocable<void(absl::Status)> done) override;
  void Get(const std::string& key, Duration limit,
           absl::AnyInvocable<void(absl::StatusOr<LockInfo>)> done) override;
  void ForceRelease(const std::string& key, std::uint64_t fencing_token, Duration limit,
                    absl::AnyInvocable<void(absl::StatusOr<HolderInfo>)> done) override;
  std::shared_ptr<WatchCall> Watch(const LockFilter& filter, WatchEvents events) override;
  void Detach(const std::string& /*key*/, const std::string& lease_id) override {
    detached.push_back(lease_id);
  }
  void OnLeaseEnded(LeaseEndedListener listener) override { say_lease_ended = listener; }
  void Shutdown() override { shut_down = true; }

  std::vector<std::shared_ptr<FakeWait>> waits;
  std::vector<FakeCall<absl::StatusOr<Grant>>> renewals;
  std::vector<FakeCall<absl::StatusOr<std::uint64_t>>> renewals_of_all;
  std::vector<FakeCall<absl::Status>> releases;
  std::vector<FakeCall<absl::StatusOr<LockInfo>>> gets;
  std::vector<FakeCall<absl::StatusOr<HolderInfo>>> forced;
  std::vector<std::shared_ptr<FakeWatch>> watches;
  std::vector<std::string> detached;
  bool shut_down = false;
  LeaseEndedListener say_lease_ended;  // What the server may say unasked.

  // If set, calls of that kind are answered with it at once, and kept without their
  // `answer`.
  std::optional<absl::StatusOr<Grant>> answer_renewals;
  std::optional<absl::Status> answer_releases;

  // Whether there is a RenewAll.
  bool renews_all = false;

  // If set, called with the lease_id of each release, on the thread that sends it.
  std::function<void(const std::string&)> on_release;
};

// --- All of it ----------------------------------------------------------------------------

// Lease ids are "lease-1", "lease-2" and so on; jitter is as small as it can be, or as the
// test says.
class FakeRandom final : public Random {
 public:
  std::string NewLeaseId() override { return "lease-" + std::to_string(++ids_); }
  double Fraction() override { return fraction; }

  double fraction = 0.0;

 private:
  int ids_ = 0;
};

// Thread-compatible.
struct FakeWorld {
  FakeLoop loop;
  FakeTransport transport;
  FakeRandom random;

  void InTask(Task task) { loop.Run(std::move(task)); }
};

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_FAKE_WORLD_H_
