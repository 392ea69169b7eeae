#include "services/lock/engine/testing/table_driver.h"

#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {

CallId TableDriver::Acquire(std::string key, std::string lease_id, AcquireOptions options) {
  return Apply(AcquireCommand{.spec = {.key = std::move(key),
                                       .lease_id = std::move(lease_id),
                                       .owner = std::move(options.owner),
                                       .tags = std::move(options.tags),
                                       .expire = options.expire},
                              .timeout = options.timeout,
                              .report_queue = options.report_queue,
                              .received = now_.monotonic});
}

CallId TableDriver::Release(std::string key, std::string lease_id) {
  return Apply(ReleaseCommand{.key = std::move(key), .lease_id = std::move(lease_id)});
}

CallId TableDriver::Renew(std::string key, std::string lease_id, std::optional<Duration> expire) {
  return Apply(RenewCommand{.key = std::move(key),
                            .lease_id = std::move(lease_id),
                            .expire = expire,
                            .received = now_.monotonic});
}

CallId TableDriver::ForceRelease(std::string key, std::optional<std::uint64_t> fencing_token) {
  return Apply(ForceReleaseCommand{.key = std::move(key), .fencing_token = fencing_token});
}

CallId TableDriver::ReleaseByTag(ReleaseByTagCommand command) { return Apply(std::move(command)); }

CallId TableDriver::Watch(LeaseFilter filter) {
  return Apply(WatchCommand{.filter = std::move(filter)});
}

void TableDriver::ContinueWatch(CallId call) { Apply(WatchNextPageCommand{call}); }

LockView TableDriver::Get(std::string key) {
  return Last<Shown>(Apply(GetCommand{std::move(key)})).lock;
}

void TableDriver::Cancel(CallId call) { Apply(CancelCommand{call}); }

void TableDriver::ReportUndelivered(CallId call) {
  const LeaseRecord lease = Last<Granted>(call).lease.lease;
  Apply(UndeliveredCommand{.lease_id = lease.spec.lease_id, .fencing_token = lease.fencing_token});
}

CallId TableDriver::Drain() { return Apply(DrainCommand{}); }

void TableDriver::Advance(Duration step, LockTable::Expiry expiry) {
  now_.monotonic += step;
  now_.wall = WallTime{static_cast<std::int64_t>(now_.wall) + step.count()};
  Effects effects;
  table_.FireTimers(now_, expiry, effects);
  Collect(std::move(effects));
}

bool TableDriver::Answered(CallId call) {
  const std::vector<Outcome>& all = outcomes_[call];
  return !all.empty() && IsFinal(all.back());
}

CallId TableDriver::Apply(CommandBody body) {
  const CallId call{++last_call_};
  if (std::holds_alternative<AcquireCommand>(body)) acquires_.insert(call);
  Effects effects;
  table_.Apply({.call = call, .body = std::move(body)}, now_, effects);
  Collect(std::move(effects));
  return call;
}

void TableDriver::Collect(Effects effects) {
  changes_ = std::move(effects.changes);
  for (Delivery& delivery : effects.deliveries) {
    EXPECT_FALSE(Answered(delivery.call)) << "a call was told more after its final outcome";
    if (IsFinal(delivery.outcome)) acquires_.erase(delivery.call);
    outcomes_[delivery.call].push_back(std::move(delivery.outcome));
  }
  for (const RecordChange& change : changes_) {
    const auto* put = std::get_if<PutLease>(&change);
    // A renewal that changes the expire writes the lease again.
    if (put == nullptr || put->lease.fencing_token == last_token_) continue;
    EXPECT_GT(put->lease.fencing_token, last_token_) << "tokens must rise";
    last_token_ = put->lease.fencing_token;
  }
  // A step that was allowed to look at the clock leaves nobody behind whose time
  // is up, and a lock that is free has nobody ready to take it.
  const TableStats stats = table_.stats();
  EXPECT_LE(stats.leases, stats.locks);
  EXPECT_EQ(stats.locks == 0, stats.leases + stats.waiters == 0);
  EXPECT_EQ(stats.open_calls, acquires_.size()) << "who has no answer waits";
}

void TableDriver::ReportWrongOutcome(const std::vector<Outcome>& all) {
  ADD_FAILURE() << "the call's last outcome is not of the kind that was expected; it has "
                << all.size() << " outcomes, the last of kind "
                << (all.empty() ? -1 : static_cast<int>(all.back().index()));
}

}  // namespace holdfast
