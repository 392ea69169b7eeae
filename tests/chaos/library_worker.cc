#include "tests/chaos/library_worker.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>

#include "common/mutex.h"
#include "holdfast/error.h"
#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

using std::chrono::milliseconds;

// How often it looks whether a renewal has moved the deadline.
constexpr milliseconds kLookAgainAfter(10);

history::What EndOf(const absl::Status& status) {
  using history::Reason;
  using history::Refused;
  switch (ReasonOf(status)) {
    case ErrorReason::kLockHeld:
      return Refused{Reason::kLockHeld};
    case ErrorReason::kWaitTimeout:
      return Refused{Reason::kWaitTimeout};
    case ErrorReason::kLeaseExpired:
      return Refused{Reason::kLeaseExpired};
    case ErrorReason::kLeaseForced:
      return Refused{Reason::kLeaseForced};
    case ErrorReason::kLeaseNotFound:
      return Refused{Reason::kLeaseNotFound};
    default:
      return history::Unanswered{};
  }
}

// An acquire that either ends or is given up, whichever comes first on record.
// Thread-safe.
class OpenAcquire {
 public:
  explicit OpenAcquire(std::function<void(history::What)> record) : record_(std::move(record)) {}

  // False: it had ended before.
  bool End(history::What what) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (std::exchange(ended_, true)) return false;
    record_(std::move(what));
    return true;
  }

 private:
  const std::function<void(history::What)> record_;
  Mutex mutex_;
  bool ended_ GUARDED_BY(mutex_) = false;
};

history::Granted GrantedBy(const Lease& lease) {
  return {.fencing_token = lease.fencing_token(),
          .valid_until = lease.deadline().time_since_epoch()};
}

}  // namespace

LibraryWorker::LibraryWorker(const WorkerOptions& options, Client& client, BlockingLock::Kind kind)
    : options_(options),
      kind_(kind),
      client_(client),
      // Whoever is refused because the lock is held does not send a release, so where
      // a request may arrive twice its leases must have an end of their own.
      planner_({.seed = options.seed}),
      registers_(options.registers, options.client) {}

void LibraryWorker::TakeTurn() {
  const std::uint64_t turn = BeginTurn();
  const TurnPlan plan = planner_.Next();
  const std::string name =
      "library-client-" + std::to_string(options_.client) + "-turn-" + std::to_string(turn);
  const bool tries_once = plan.how == TurnPlan::How::kTry;
  const bool renew = plan.renew && plan.end != TurnPlan::End::kLapse;
  const std::unique_ptr<BlockingLock> lock =
      BlockingLock::Create(kind_, client_, plan.key,
                           {.timeout = tries_once ? Duration::zero() : Duration(plan.timeout),
                            .expire = plan.expire,
                            .auto_renew = renew});
  if (const std::optional<Lease> lease = Take(plan, name, *lock)) {
    {
      const std::stop_callback on_lost(lease->lost(), [&] {
        options_.recorder->Record(options_.client,
                                  history::Lost{.key = plan.key, .lease_id = name});
      });
      Hold(plan, name, *lease);
    }
    Release(plan, name, *lock);
  }
  LetPass(plan.rest);
}

std::optional<Lease> LibraryWorker::Take(const TurnPlan& plan, const std::string& name,
                                         BlockingLock& lock) {
  const bool tries_once = plan.how == TurnPlan::How::kTry;
  ++operation_;
  Record(history::AcquireCalled{.key = plan.key,
                                .lease_id = name,
                                .expire = plan.expire,
                                .timeout = tries_once ? Duration::zero() : Duration(plan.timeout)});
  OpenAcquire acquire([this](history::What what) { Record(std::move(what)); });
  std::stop_source stop;
  std::jthread cancelling;
  if (plan.how == TurnPlan::How::kCancel) {
    cancelling = std::jthread([&] {
      LetPass(plan.timeout / 2);
      if (acquire.End(history::Unanswered{})) stop.request_stop();
    });
  }
  absl::StatusOr<Lease> lease = lock.Acquire(stop.get_token());
  if (!lease.ok()) {
    acquire.End(EndOf(lease.status()));
    return std::nullopt;
  }
  if (acquire.End(GrantedBy(*lease))) return *lease;
  // Granted and given up at the same time.
  if (cancelling.joinable()) cancelling.join();
  Release(plan, name, lock);
  return std::nullopt;
}

void LibraryWorker::Hold(const TurnPlan& plan, const std::string& name, const Lease& lease) {
  Write(plan, lease);
  const bool renews = plan.renew && plan.end != TurnPlan::End::kLapse;
  const history::RenewCalled renew{.key = plan.key, .lease_id = name};
  MonotonicTime deadline = lease.deadline();
  if (renews) {
    ++operation_;
    Record(renew);
  }
  const Stopwatch watch;
  while (lease.valid() && (watch.Elapsed() < plan.hold || plan.end == TurnPlan::End::kLapse)) {
    LetPass(std::min<Duration>(kLookAgainAfter, std::max<Duration>(plan.hold, milliseconds(1))));
    if (!renews || lease.deadline() == deadline) continue;
    deadline = lease.deadline();
    Record(history::Renewed{.fencing_token = lease.fencing_token(),
                            .valid_until = deadline.time_since_epoch()});
    ++operation_;
    Record(renew);
  }
  if (renews) Record(history::Unanswered{});
  Write(plan, lease);
}

void LibraryWorker::Write(const TurnPlan& plan, const Lease& lease) {
  if (!lease.valid()) return;
  const bool written = registers_.Write(plan.key, lease.fencing_token(),
                                        "of-client-" + std::to_string(options_.client));
  if (!written && lease.valid() && plan.key != SharedKey(kForced)) {
    Report("token " + std::to_string(lease.fencing_token()) + " of " + plan.key +
           " was refused while its lease was valid");
  }
}

void LibraryWorker::Release(const TurnPlan& plan, const std::string& name, BlockingLock& lock) {
  ++operation_;
  Record(history::ReleaseCalled{.key = plan.key, .lease_id = name});
  const absl::Status released = lock.Release();
  if (released.ok()) {
    Record(history::Released{});
  } else {
    Record(EndOf(released));
  }
}

}  // namespace holdfast::chaos
