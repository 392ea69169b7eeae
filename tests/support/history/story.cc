#include "tests/support/history/story.h"

#include <utility>

#include "tests/support/history/checker.h"

namespace holdfast::history {

Story::Call Story::Calls(Time at, std::uint32_t client, What what, std::optional<Duration> expire) {
  const Call call{.client = client,
                  .operation = ++operations_[client],
                  .valid_until = expire.has_value() ? at + *expire : kForever};
  Add(at, client, call.operation, std::move(what));
  return call;
}

Story::Call Story::Acquires(Time at, std::uint32_t client, const std::string& lease,
                            AcquireOptions options) {
  leases_.try_emplace(lease, Lease{.key = options.key, .expire = options.expire});
  return Calls(at, client,
               AcquireCalled{.key = options.key,
                             .lease_id = lease,
                             .expire = options.expire,
                             .timeout = options.timeout,
                             .max_hold = options.max_hold},
               options.expire);
}

Story::Call Story::Waits(Time at, std::uint32_t client, const std::string& lease,
                         AcquireOptions options) {
  if (options.timeout == Duration::zero()) options.timeout = std::nullopt;
  return Acquires(at, client, lease, std::move(options));
}

Story::Call Story::Renews(Time at, std::uint32_t client, const std::string& lease,
                          std::optional<Duration> expire) {
  Lease& renewed = leases_[lease];
  if (expire.has_value()) renewed.expire = expire;
  return Calls(at, client, RenewCalled{.key = renewed.key, .lease_id = lease, .expire = expire},
               renewed.expire);
}

Story::Call Story::Releases(Time at, std::uint32_t client, const std::string& lease) {
  const auto found = leases_.find(lease);
  return Calls(
      at, client,
      ReleaseCalled{.key = found == leases_.end() ? "k" : found->second.key, .lease_id = lease},
      std::nullopt);
}

Story::Call Story::Forces(Time at, std::uint32_t client, std::uint64_t token) {
  return Calls(at, client, ForceReleaseCalled{.key = "k", .fencing_token = token}, std::nullopt);
}

Story::Call Story::Gets(Time at, std::uint32_t client) {
  return Calls(at, client, GetCalled{.key = "k"}, std::nullopt);
}

void Story::Answers(Time at, const Call& call, What what) {
  Add(at, call.client, call.operation, std::move(what));
}

void Story::Queued(Time at, const Call& call, std::uint64_t place) {
  Answers(at, call, history::Queued{.queue_sequence = place, .position = 1});
}

void Story::Granted(Time at, const Call& call, std::uint64_t token, std::optional<Time> until) {
  Answers(
      at, call,
      history::Granted{.fencing_token = token, .valid_until = until.value_or(call.valid_until)});
}

void Story::Renewed(Time at, const Call& call, std::uint64_t token, std::optional<Time> until) {
  Answers(
      at, call,
      history::Renewed{.fencing_token = token, .valid_until = until.value_or(call.valid_until)});
}

void Story::Released(Time at, const Call& call) { Answers(at, call, history::Released{}); }

void Story::Forced(Time at, const Call& call, std::uint64_t token) {
  Answers(at, call, history::Forced{.fencing_token = token});
}

void Story::Shown(Time at, const Call& call, std::uint64_t token) {
  Answers(at, call, history::Shown{.fencing_token = token});
}

void Story::Refused(Time at, const Call& call, Reason reason) {
  Answers(at, call, history::Refused{.reason = reason});
}

void Story::Unanswered(Time at, const Call& call) { Answers(at, call, history::Unanswered{}); }

void Story::Loses(Time at, std::uint32_t client, const std::string& lease) {
  Add(at, client, 0, Lost{.key = leases_[lease].key, .lease_id = lease});
}

void Story::Written(Time at, std::uint32_t client, std::uint64_t token, bool accepted,
                    const std::string& resource) {
  Add(at, client, 0,
      history::Written{.resource = resource, .fencing_token = token, .accepted = accepted});
}

void Story::ServerStops(Time at) { Add(at, 0, 0, ServerStopped{}); }

void Story::ServerStarts(Time at, bool continued) {
  Add(at, 0, 0, ServerStarted{.continued = continued});
}

void Story::ClientStops(Time at, std::uint32_t client) { Add(at, client, 0, ClientStopped{}); }

void Story::ClientContinues(Time at, std::uint32_t client) {
  Add(at, client, 0, ClientContinued{});
}

void Story::IsQuiet(Time at, const Quiet& left) { Add(at, 0, 0, left); }

void Story::Add(Time at, std::uint32_t client, std::uint64_t operation, What what) {
  history_.push_back(
      {.time = at, .client = client, .operation = operation, .what = std::move(what)});
}

std::string Short(const std::vector<Violation>& violations) {
  std::string all;
  for (const Violation& violation : violations) {
    std::string name = Name(violation.invariant);
    name.resize(name.find(' '));
    if (!all.empty()) all += ' ';
    all += name + '(';
    for (const std::size_t event : violation.events) {
      if (all.back() != '(') all += ',';
      all += std::to_string(event);
    }
    all += ')';
  }
  return all;
}

std::string Story::Found(const Rules& rules) const { return Short(Check(history_, rules)); }

}  // namespace holdfast::history
