#include "tests/fuzz/engine_trace.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace holdfast::fuzz {
namespace {

bool IsOn() {
  static const bool on = std::getenv("HOLDFAST_FUZZ_TRACE") != nullptr;
  return on;
}

void Print(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

std::string Text(Duration span) {
  return span == kNoTimeout ? "ever" : absl::FormatDuration(absl::FromChrono(span));
}

std::string Text(const std::optional<Duration>& span) { return span ? Text(*span) : "none"; }

std::string Text(CallId call) { return absl::StrCat("#", static_cast<std::uint64_t>(call)); }

std::string Text(const LeaseFilter& filter) {
  return absl::StrCat(filter.key_prefix, "* [", absl::StrJoin(filter.tags, ","), "]");
}

std::string Text(const std::vector<ListedLease>& leases) {
  std::string text;
  for (const ListedLease& lease : leases)
    absl::StrAppend(&text, " ", lease.key, "=", lease.lease_id);
  return text;
}

struct CommandText {
  std::string operator()(const AcquireCommand& c) const {
    return absl::StrCat("acquire ", c.spec.key, " ", c.spec.lease_id,
                        " expire=", Text(c.spec.expire), " tags=[", absl::StrJoin(c.spec.tags, ","),
                        "] owner=\"", c.spec.owner, "\" timeout=", Text(c.timeout),
                        c.report_queue ? " reporting" : "", c.spec.bound ? " bound" : "",
                        c.spec.max_hold ? " max_hold=" + Text(c.spec.max_hold) : "");
  }
  std::string operator()(const ReleaseCommand& c) const {
    return absl::StrCat("release ", c.key, " ", c.lease_id);
  }
  std::string operator()(const RenewCommand& c) const {
    return absl::StrCat("renew ", c.key, " ", c.lease_id, " expire=", Text(c.expire));
  }
  std::string operator()(const GetCommand& c) const { return absl::StrCat("get ", c.key); }
  std::string operator()(const ListCommand& c) const {
    return absl::StrCat("list ", Text(c.filter), " after ", c.after_key, " ", c.page_size);
  }
  std::string operator()(const ForceReleaseCommand& c) const {
    return absl::StrCat("force ", c.key, " token=", c.fencing_token.value_or(0));
  }
  std::string operator()(const ReleaseByTagCommand& c) const {
    return absl::StrCat(c.dry_run ? "would release [" : "release [", absl::StrJoin(c.tags, ","),
                        "] after ", c.after_key, " up to ", c.max_fencing_token.value_or(0));
  }
  std::string operator()(const WatchCommand& c) const {
    return absl::StrCat("watch ", Text(c.filter));
  }
  std::string operator()(const WatchNextPageCommand& c) const {
    return absl::StrCat("next page of ", Text(c.call));
  }
  std::string operator()(const CancelCommand& c) const {
    return absl::StrCat("cancel ", Text(c.call));
  }
  std::string operator()(const UndeliveredCommand& c) const {
    return absl::StrCat("undelivered ", c.lease_id, " token=", c.fencing_token);
  }
  std::string operator()(const DrainCommand&) const { return "drain"; }
  std::string operator()(const AttachCommand& c) const {
    return absl::StrCat("attach ", c.session_id, " stream ", c.stream_number,
                        c.local ? " local" : "", Text(c.leases), c.more ? " and more" : "");
  }
  std::string operator()(const AttachPageCommand& c) const {
    return absl::StrCat("page", Text(c.leases), c.more ? " and more" : "");
  }
  std::string operator()(const RenewAllCommand&) const { return "renew all"; }
  std::string operator()(const DetachCommand& c) const {
    return absl::StrCat("detach ", c.key, " ", c.lease_id);
  }
  std::string operator()(const AcknowledgeCommand& c) const {
    return absl::StrCat("acknowledge through ", c.through);
  }
  std::string operator()(const EndStreamCommand& c) const {
    return absl::StrCat("end of stream ", Text(c.stream), c.by_client ? " by its client" : "");
  }
};

struct OutcomeText {
  std::string operator()(const Granted& o) const {
    return absl::StrCat("granted token ", o.lease.lease.fencing_token);
  }
  std::string operator()(const Queued& o) const { return absl::StrCat("queued at ", o.position); }
  std::string operator()(const Released&) const { return "released"; }
  std::string operator()(const Renewed& o) const {
    return absl::StrCat("renewed for ", Text(o.lease.remaining));
  }
  std::string operator()(const Shown& o) const {
    return absl::StrCat("shown with ", o.lock.holders.size(), " holders and ", o.lock.queue_length,
                        " waiters");
  }
  std::string operator()(const Listed& o) const { return absl::StrCat(o.locks.size(), " locks"); }
  std::string operator()(const Forced& o) const {
    return absl::StrCat("forced token ", o.former_holder.fencing_token);
  }
  std::string operator()(const ForcedPage& o) const {
    return absl::StrCat("forced ", o.locks.size(), " locks");
  }
  std::string operator()(const Watched& o) const {
    return absl::StrCat("told ", o.events.size(), " events");
  }
  std::string operator()(const Drained&) const { return "drained"; }
  std::string operator()(const Attached& o) const { return o.resumed ? "resumed" : "attached"; }
  std::string operator()(const LeaseGone& o) const {
    return absl::StrCat("gone: ", o.key, " ", o.lease_id, ", reason ", static_cast<int>(o.reason));
  }
  std::string operator()(const RenewedAll& o) const {
    return absl::StrCat("renewed ", o.leases, " leases");
  }
  std::string operator()(const Detached&) const { return "detached"; }
  std::string operator()(const Refused& o) const {
    return absl::StrCat("refused, reason ", static_cast<int>(o.reason), " ", o.name);
  }
};

}  // namespace

void TraceEvent(std::string_view what, Instant now) {
  if (IsOn()) Print(absl::StrCat("@", Text(now.time_since_epoch()), " ", std::string(what)));
}

void TraceTurn(const std::vector<Command>& commands, Instant now) {
  if (!IsOn()) return;
  TraceEvent("turn", now);
  for (const Command& command : commands) {
    const std::string stream =
        command.stream == CallId{} ? "" : absl::StrCat(" on ", Text(command.stream));
    Print(absl::StrCat("  ", Text(command.call), stream, " ",
                       std::visit(CommandText(), command.body)));
  }
}

void TraceDeliveries(const std::vector<Delivery>& deliveries) {
  if (!IsOn()) return;
  for (const Delivery& delivery : deliveries) {
    Print(absl::StrCat("  > ", Text(delivery.call), " ",
                       std::visit(OutcomeText(), delivery.outcome)));
  }
}

}  // namespace holdfast::fuzz
