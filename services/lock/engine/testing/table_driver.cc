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
                                       .expire = options.expire,
                                       .bound = options.bound,
                                       .max_hold = options.max_hold},
                              .timeout = options.timeout,
                              .report_queue = options.report_queue,
                              .received = now_.monotonic,
                              .principal = std::move(options.principal),
                              .quota = options.quota},
               options.stream);
}

CallId TableDriver::Release(std::string key, std::string lease_id, CallId stream) {
  return Apply(ReleaseCommand{.key = std::move(key), .lease_id = std::move(lease_id)}, stream);
}

CallId TableDriver::Renew(std::string key, std::string lease_id, std::optional<Duration> expire,
                          CallId stream) {
  return Apply(RenewCommand{.key = std::move(key),
                            .lease_id = std::move(lease_id),
                            .expire = expire,
                            .received = now_.monotonic},
               stream);
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

CallId TableDriver::Attach(std::string session_id, AttachOptions options) {
  const CallId stream{last_call_ + 1};
  return Apply(AttachCommand{.session_id = std::move(session_id),
                             .stream_number = options.number,
                             .local = options.local,
                             .leases = std::move(options.leases),
                             .more = options.more,
                             .principal = std::move(options.principal),
                             .quota = options.quota},
               stream);
}

void TableDriver::AttachPage(CallId stream, std::vector<ListedLease> leases, bool more) {
  Apply(AttachPageCommand{.leases = std::move(leases), .more = more}, stream);
}

CallId TableDriver::RenewAll(CallId stream) { return Apply(RenewAllCommand{}, stream); }

CallId TableDriver::Detach(CallId stream, std::string key, std::string lease_id) {
  return Apply(DetachCommand{.key = std::move(key), .lease_id = std::move(lease_id)}, stream);
}

void TableDriver::Acknowledge(CallId stream) { Acknowledge(stream, told_[stream]); }

void TableDriver::Acknowledge(CallId stream, std::uint64_t through) {
  Apply(AcknowledgeCommand{through}, stream);
}

void TableDriver::EndStream(CallId stream, bool by_client, std::uint64_t sent_through) {
  Apply(EndStreamCommand{.stream = stream, .by_client = by_client, .sent_through = sent_through});
}

std::vector<std::pair<std::string, Refusal>> TableDriver::Gone(CallId stream) {
  std::vector<std::pair<std::string, Refusal>> gone;
  for (const Outcome& outcome : outcomes_[stream]) {
    if (const auto* one = std::get_if<LeaseGone>(&outcome)) {
      gone.emplace_back(one->lease_id, one->reason);
    }
  }
  return gone;
}

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

CallId TableDriver::Apply(CommandBody body, CallId stream) {
  const CallId call{++last_call_};
  if (std::holds_alternative<AcquireCommand>(body)) acquires_.emplace(call, stream);
  Effects effects;
  table_.Apply({.call = call, .body = std::move(body), .stream = stream, .operation = last_call_},
               now_, effects);
  Collect(std::move(effects));
  return call;
}

void TableDriver::Collect(Effects effects) {
  changes_ = std::move(effects.changes);
  for (Delivery& delivery : effects.deliveries) {
    EXPECT_FALSE(Answered(delivery.call)) << "a call was told more after its final outcome";
    const bool is_final = IsFinal(delivery.outcome);
    if (is_final) acquires_.erase(delivery.call);
    if (delivery.stream != CallId{} && !(is_final && delivery.call == delivery.stream)) {
      const bool replaced = delivery.number == 0;
      EXPECT_TRUE(replaced || delivery.number == told_[delivery.stream] + 1);
      if (!replaced) told_[delivery.stream] = delivery.number;
    }
    if (is_final && delivery.call == delivery.stream) {
      std::erase_if(acquires_, [&](const auto& open) { return open.second == delivery.stream; });
    }
    outcomes_[delivery.call].push_back(std::move(delivery.outcome));
  }
  for (const RecordChange& change : changes_) {
    const auto* put = std::get_if<PutLease>(&change);
    // A renewal that changes the expire writes the lease again.
    if (put == nullptr || !tokens_.insert(put->lease.fencing_token).second) continue;
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
