#include "tests/fuzz/engine_trace.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <variant>

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

struct CommandText {
  std::string operator()(const AcquireCommand& c) const {
    return absl::StrCat("acquire ", c.spec.key, " ", c.spec.lease_id,
                        " expire=", Text(c.spec.expire), " tags=[", absl::StrJoin(c.spec.tags, ","),
                        "] owner=\"", c.spec.owner, "\" timeout=", Text(c.timeout),
                        c.report_queue ? " reporting" : "");
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
    Print(absl::StrCat("  ", Text(command.call), " ", std::visit(CommandText(), command.body)));
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
