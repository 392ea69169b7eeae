#include "services/lock/engine/watch_hub.h"

#include <memory>
#include <utility>

#include "services/lock/engine/lock_listing.h"

namespace holdfast {
namespace {

SharedLeaseEvent MakeEvent(LeaseEventKind kind, std::uint64_t sequence, const LeaseRecord& lease,
                           WallTime time) {
  return std::make_shared<const LeaseEvent>(LeaseEvent{.kind = kind,
                                                       .sequence = sequence,
                                                       .key = lease.spec.key,
                                                       .owner = lease.spec.owner,
                                                       .tags = lease.spec.tags,
                                                       .fencing_token = lease.fencing_token,
                                                       .expire = lease.spec.expire,
                                                       .time = time,
                                                       .principal = lease.principal});
}

}  // namespace

void WatchHub::Start(CallId call, const LeaseFilter& filter, const LockMap& locks,
                     std::vector<Delivery>& deliveries) {
  Watch& watch = watches_[call];
  watch.filter = filter;
  TellPage(call, watch, locks, deliveries);
}

void WatchHub::NextPage(CallId call, const LockMap& locks, std::vector<Delivery>& deliveries) {
  const auto found = watches_.find(call);
  if (found == watches_.end() || found->second.snapshot_complete) return;
  TellPage(call, found->second, locks, deliveries);
}

void WatchHub::TellPage(CallId call, Watch& watch, const LockMap& locks,
                        std::vector<Delivery>& deliveries) {
  Watched page;
  watch.passed =
      WalkPage(locks, watch.filter.key_prefix, watch.passed, watch.filter.among.get(),
               [&](const LockState& lock) {
                 for (const HeldLease* lease : lock.holders) {
                   if (!watch.filter.Matches(lease->record.spec)) continue;
                   page.events.push_back(MakeEvent(LeaseEventKind::kHeld, last_sequence_,
                                                   lease->record, lease->record.granted_at));
                 }
                 return page.events.size() < kLeasesPerPage;
               });
  watch.snapshot_complete = !watch.passed.has_value();
  page.snapshot_continues = !watch.snapshot_complete;
  if (watch.snapshot_complete) {
    page.events.push_back(std::make_shared<const LeaseEvent>(
        LeaseEvent{.kind = LeaseEventKind::kSnapshotEnd, .sequence = last_sequence_}));
  }
  deliveries.push_back({.call = call, .outcome = std::move(page)});
}

void WatchHub::StopAll(const Refused& refused, std::vector<Delivery>& deliveries) {
  for (const auto& [call, watch] : watches_) {
    deliveries.push_back({.call = call, .outcome = refused});
  }
  watches_.clear();
}

void WatchHub::Publish(LeaseEventKind kind, const LeaseRecord& lease, const Now& now,
                       std::vector<Delivery>& deliveries) {
  ++last_sequence_;
  SharedLeaseEvent event;  // Made for the first who is told.
  for (const auto& [call, watch] : watches_) {
    if (!watch.filter.Matches(lease.spec) || !watch.HasPassed(lease.spec.key)) continue;
    if (event == nullptr) event = MakeEvent(kind, last_sequence_, lease, now.wall);
    deliveries.push_back({.call = call, .outcome = Watched{.events = {event}}});
  }
}

}  // namespace holdfast
