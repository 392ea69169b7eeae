#include "tests/chaos/raw_worker.h"

#include <algorithm>
#include <variant>

#include "tests/support/eventually.h"

namespace holdfast::chaos {
namespace {

using std::chrono::milliseconds;

// How long it waits for the answer to a call that does not wait for anything. A server
// that is stopped for longer gets the call twice.
constexpr milliseconds kAnswerTimeout(700);

// Between a call that has failed and the next try. The server is away for a fraction
// of a second.
constexpr milliseconds kBeforeNextTry(20);

// For how long after its timeout it goes on trying to learn what has become of it.
constexpr milliseconds kEndTimeout(1500);

}  // namespace

RawWorker::RawWorker(const WorkerOptions& options)
    : options_(options),
      planner_({.seed = options.seed, .raw_keys = true, .may_last = options.survives}),
      calls_(options.address, *options.recorder, options.client),
      registers_(options.registers, options.client) {}

void RawWorker::TakeTurn() {
  const std::uint64_t turn = BeginTurn();
  const TurnPlan plan = planner_.Next();
  if (plan.force) {
    Rob(plan.key);
  } else {
    const std::string lease_id =
        "raw-client-" + std::to_string(options_.client) + "-turn-" + std::to_string(turn);
    if (plan.look) calls_.Get(plan.key, kAnswerTimeout);
    const Taken taken = Take(plan, lease_id);
    if (taken.holding.has_value()) Hold(plan, lease_id, *taken.holding);
    if (taken.must_release) Release(plan, lease_id);
    if (taken.must_release && plan.end == TurnPlan::End::kReleaseTwice) Release(plan, lease_id);
    if (plan.look) calls_.Get(plan.key, kAnswerTimeout);
  }
  LetPass(plan.rest);
}

RawWorker::Taken RawWorker::Take(const TurnPlan& plan, const std::string& lease_id) {
  const Stopwatch watch;
  // A call without an answer may be carried out at any time.
  bool may_be_known = false;
  for (;;) {
    const CallEnd end = TryTake(plan, lease_id, watch.Elapsed());
    if (const auto* granted = std::get_if<history::Granted>(&end)) {
      return {.holding = Holding{.fencing_token = granted->fencing_token,
                                 .valid_until = granted->valid_until},
              .must_release = true};
    }
    may_be_known = may_be_known || std::holds_alternative<history::Unanswered>(end);
    if (!MustRepeat(end)) break;
    if (plan.how == TurnPlan::How::kCancel) break;
    if (watch.Elapsed() > plan.timeout + kEndTimeout) break;
    LetPass(kBeforeNextTry);
  }
  // What was tried once and refused is not known to the server. But where a request
  // may arrive twice, nothing but the release of a lease without an expiry makes sure
  // that it stays so.
  return {.must_release = may_be_known || !plan.expire.has_value()};
}

CallEnd RawWorker::TryTake(const TurnPlan& plan, const std::string& lease_id,
                           std::chrono::nanoseconds waited) {
  AcquireArgs args{.key = plan.key, .lease_id = lease_id, .expire = plan.expire};
  const auto left = std::max<std::chrono::nanoseconds>(plan.timeout - waited, milliseconds(20));
  const auto time_limit = std::chrono::ceil<milliseconds>(left) + kAnswerTimeout;
  switch (plan.how) {
    case TurnPlan::How::kTry:
      return calls_.Acquire(args, kAnswerTimeout);
    case TurnPlan::How::kQueue:
      args.timeout = left;
      return calls_.Acquire(args, time_limit);
    case TurnPlan::How::kWait:
      args.timeout = left;
      return calls_.Wait(args, time_limit);
    case TurnPlan::How::kCancel:
      break;
  }
  return calls_.Wait(args, plan.timeout);
}

void RawWorker::Hold(const TurnPlan& plan, const std::string& lease_id, Holding holding) {
  Write(plan, holding);
  const Stopwatch watch;
  const bool to_the_end = plan.end == TurnPlan::End::kLapse && plan.expire.has_value();
  const auto step = plan.expire.has_value() ? *plan.expire / 3 : plan.hold;
  while (watch.Elapsed() < plan.hold || to_the_end) {
    const auto left = holding.valid_until - BootTime();
    const auto rest = to_the_end ? left : plan.hold - watch.Elapsed();
    LetPass(std::min<std::chrono::nanoseconds>({rest, left, step}));
    const bool held = BootTime() < holding.valid_until;
    if (!held) calls_.RecordLost(plan.key, lease_id);
    if (!held || (plan.renew && !to_the_end && !Renew(plan, lease_id, holding))) return;
  }
  Write(plan, holding);
}

bool RawWorker::Renew(const TurnPlan& plan, const std::string& lease_id, Holding& holding) {
  const CallEnd end = calls_.Renew(plan.key, lease_id, plan.expire.value_or(kAnswerTimeout) / 3);
  if (const auto* renewed = std::get_if<history::Renewed>(&end)) {
    if (renewed->fencing_token != holding.fencing_token) {
      Report(lease_id + " was renewed with another token");
    }
    holding.valid_until = std::max(holding.valid_until, renewed->valid_until);
    return true;
  }
  // Without an answer the lease is as good as before.
  if (MustRepeat(end)) return true;
  calls_.RecordLost(plan.key, lease_id);
  return false;
}

void RawWorker::Write(const TurnPlan& plan, const Holding& holding) {
  // Looked at before the write, as any holder would. That the lease may lapse between
  // the two is what the token is for.
  if (BootTime() >= holding.valid_until) return;
  const bool written = registers_.Write(plan.key, holding.fencing_token,
                                        "of-client-" + std::to_string(options_.client));
  const bool held = BootTime() < holding.valid_until;
  if (!written && held && plan.key != SharedKey(kForced)) {
    Report("token " + std::to_string(holding.fencing_token) + " of " + plan.key +
           " was refused while its lease was valid");
  }
}

void RawWorker::Release(const TurnPlan& plan, const std::string& lease_id) {
  while (MustRepeat(calls_.Release(plan.key, lease_id, kAnswerTimeout))) {
    LetPass(kBeforeNextTry);
  }
}

void RawWorker::Rob(const std::string& key) {
  const CallEnd seen = calls_.Get(key, kAnswerTimeout);
  const auto* shown = std::get_if<history::Shown>(&seen);
  if (shown == nullptr || shown->fencing_token == 0) return;
  while (MustRepeat(calls_.ForceRelease(key, shown->fencing_token, kAnswerTimeout))) {
    LetPass(kBeforeNextTry);
  }
}

}  // namespace holdfast::chaos
