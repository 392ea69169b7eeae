#include "tests/simulation/caller.h"

#include <chrono>
#include <utility>
#include <variant>

namespace holdfast::simulation {
namespace {

using history::Reason;

// With a network and a disk that are in order, an answer takes less than this.
constexpr Duration kLongestAnswer = std::chrono::seconds(1);

struct DescribeCall {
  history::What operator()(const AcquireCommand& command) const {
    std::optional<Duration> timeout = command.timeout;
    if (timeout == kNoTimeout) timeout.reset();
    return history::AcquireCalled{.key = command.spec.key,
                                  .lease_id = command.spec.lease_id,
                                  .expire = command.spec.expire,
                                  .timeout = timeout};
  }
  history::What operator()(const RenewCommand& command) const {
    return history::RenewCalled{
        .key = command.key, .lease_id = command.lease_id, .expire = command.expire};
  }
  history::What operator()(const ReleaseCommand& command) const {
    return history::ReleaseCalled{.key = command.key, .lease_id = command.lease_id};
  }
  history::What operator()(const ForceReleaseCommand& command) const {
    return history::ForceReleaseCalled{.key = command.key,
                                       .fencing_token = command.fencing_token.value_or(0)};
  }
  history::What operator()(const GetCommand& command) const {
    return history::GetCalled{.key = command.key};
  }
  // Nothing else is called by clients.
  template <typename Command>
  history::What operator()(const Command&) const {
    return history::Quiet{};
  }
};

}  // namespace

Reason ReasonOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kLockHeld:
      return Reason::kLockHeld;
    case Refusal::kWaitTimeout:
      return Reason::kWaitTimeout;
    case Refusal::kLeaseExpired:
      return Reason::kLeaseExpired;
    case Refusal::kLeaseForced:
      return Reason::kLeaseForced;
    case Refusal::kLeaseEnded:
      return Reason::kLeaseEnded;
    case Refusal::kLeaseNotFound:
      return Reason::kLeaseNotFound;
    case Refusal::kLeaseWaiting:
      return Reason::kLeaseWaiting;
    case Refusal::kLockNotHeld:
      return Reason::kLockNotHeld;
    case Refusal::kLeaseMismatch:
      return Reason::kLeaseMismatch;
    case Refusal::kLimitExceeded:
      return Reason::kLimitExceeded;
    case Refusal::kStarting:
    case Refusal::kStopping:
    case Refusal::kCancelled:
    case Refusal::kSessionReplaced:
    case Refusal::kNotPermitted:
      break;
  }
  return Reason::kUnavailable;
}

history::What DescribeEnd(const Outcome& outcome, Time now) {
  if (const auto* granted = std::get_if<Granted>(&outcome)) {
    return history::Granted{.fencing_token = granted->lease.lease.fencing_token,
                            .valid_until = now};
  }
  if (const auto* renewed = std::get_if<Renewed>(&outcome)) {
    return history::Renewed{.fencing_token = renewed->lease.lease.fencing_token,
                            .valid_until = now};
  }
  if (const auto* forced = std::get_if<Forced>(&outcome)) {
    return history::Forced{.fencing_token = forced->former_holder.fencing_token};
  }
  if (const auto* shown = std::get_if<Shown>(&outcome)) {
    const LockView& lock = shown->lock;
    return history::Shown{
        .fencing_token = lock.holders.empty() ? 0 : lock.holders.front().fencing_token,
        .queue_length = lock.queue_length};
  }
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    return history::Refused{.reason = ReasonOf(refused->reason)};
  }
  return history::Released{};
}

class Caller::OpenOperation final : public Operation,
                                    public std::enable_shared_from_this<OpenOperation> {
 public:
  OpenOperation(Caller& caller, std::uint64_t number, bool must_be_answered, OperationEvents events)
      : caller_(caller),
        number_(number),
        must_be_answered_(must_be_answered),
        events_(std::move(events)) {}

  void Send(std::size_t channel, CommandBody body, std::optional<Duration> limit) {
    if (limit.has_value()) {
      limit_timer_ = caller_.process_.After(*limit, [self = shared_from_this()] {
        if (!self->ended_) self->Unanswered();
      });
    }
    call_ = caller_.network_.Send(
        channel, std::move(body),
        {.on_outcome =
             [self = shared_from_this()](const Outcome& outcome) { self->OnOutcome(outcome); },
         .on_broken =
             [self = shared_from_this()] {
               if (!self->ended_) self->Unanswered();
             }});
    // It ended before it could be kept.
    if (ended_) call_ = nullptr;
  }

  // The caller is no more.
  void Forget() {
    ended_ = true;
    call_ = nullptr;
    events_ = {};
  }

  void Cancel() override {
    if (ended_) return;
    caller_.recorder_.Record(caller_.client_, number_, history::Unanswered{});
    Close();
  }

 private:
  void OnOutcome(const Outcome& outcome) {
    if (ended_) return;
    if (const auto* queued = std::get_if<Queued>(&outcome)) {
      caller_.recorder_.Record(
          caller_.client_, number_,
          history::Queued{.queue_sequence = queued->queue_sequence, .position = queued->position});
      // A copy, because it may cancel the operation.
      const auto on_queued = events_.on_queued;
      if (on_queued) on_queued(*queued);
      return;
    }
    const Time now = caller_.recorder_.now();
    const std::size_t event =
        caller_.recorder_.Record(caller_.client_, number_, DescribeEnd(outcome, now));
    call_ = nullptr;  // There is nothing to cancel any more.
    End({.outcome = &outcome, .event = event});
  }

  void Unanswered() {
    if (must_be_answered_)
      caller_.recorder_.Fail("a call got no answer although nothing was wrong");
    const std::size_t event =
        caller_.recorder_.Record(caller_.client_, number_, history::Unanswered{});
    End({.outcome = nullptr, .event = event});
  }

  void End(const Ending& ending) {
    const OperationEvents events = Close();
    events.on_end(ending);
  }

  OperationEvents Close() {
    ended_ = true;
    caller_.process_.Cancel(limit_timer_);
    if (call_ != nullptr) std::exchange(call_, nullptr)->Cancel();
    return std::exchange(events_, {});
  }

  Caller& caller_;
  const std::uint64_t number_;
  const bool must_be_answered_;
  OperationEvents events_;
  std::shared_ptr<simulation::Call> call_;
  Process::TimerId limit_timer_ = 0;
  bool ended_ = false;
};

// An operation and who waits for it may hold one another; that has to end somewhere.
Caller::~Caller() {
  for (const std::weak_ptr<OpenOperation>& known : operations_) {
    if (const std::shared_ptr<OpenOperation> operation = known.lock()) operation->Forget();
  }
}

std::shared_ptr<Operation> Caller::Call(std::size_t channel, CommandBody body,
                                        std::optional<Duration> limit, OperationEvents events) {
  const std::uint64_t number = ++last_operation_;
  recorder_.Record(client_, number, std::visit(DescribeCall{}, body));
  const bool must_be_answered =
      recorder_.calm() && (!limit.has_value() || *limit >= kLongestAnswer);
  auto operation =
      std::make_shared<OpenOperation>(*this, number, must_be_answered, std::move(events));
  if (operations_.size() >= operations_to_tidy_) {
    std::erase_if(operations_, [](const auto& known) { return known.expired(); });
    operations_to_tidy_ = 100 + 2 * operations_.size();
  }
  operations_.push_back(operation);
  operation->Send(channel, std::move(body), limit);
  return operation;
}

}  // namespace holdfast::simulation
