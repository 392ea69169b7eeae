#include "services/lock/engine/lock_engine.h"

#include <chrono>
#include <cstddef>
#include <future>
#include <optional>
#include <utility>

#include "services/lock/engine/recycle.h"

namespace holdfast {
namespace {

// So many turns TakeTurn runs at the most while others go on submitting: its thread has
// work of its own.
constexpr int kTurnsAtOnce = 16;

// A commit that waits for the disk is left to the engine's thread, so that TakeTurn's can take
// in what the next one will write. With so few commands there is little to take in, and
// waking the engine's thread takes as long as half of a sync: one caller has its pair in
// two thirds of the time without it. A session's release comes with an acknowledgement.
constexpr std::size_t kCommandsCommittedHere = 3;

// With a slower disk waking a thread is a small part of it, and TakeTurn's should not stand still
// for so long: gRPC's health checks are on it too.
constexpr Duration kQuickCommit = std::chrono::milliseconds(1);

Mailbox::Wake WakeFor(LockEngine::Begin begin) {
  return begin == LockEngine::Begin::kNow ? Mailbox::Wake::kEngine : Mailbox::Wake::kNobody;
}

// Wakes the thread that waits for the drain.
class DrainListener final : public CallListener {
 public:
  void OnOutcome(Outcome /*outcome*/) override { drained_.set_value(); }
  void Wait() { drained_.get_future().wait(); }

 private:
  std::promise<void> drained_;
};

}  // namespace

LockEngine::LockEngine(const Limits& limits, const Clock& clock,
                       std::function<void(const absl::Status&)> on_fatal)
    : limits_(limits),
      clock_(clock),
      on_fatal_(std::move(on_fatal)),
      mailbox_(limits.max_pending_commands) {}

LockEngine::~LockEngine() { Stop(); }

absl::Status LockEngine::Start(std::unique_ptr<LockStore> store) {
  store_ = std::move(store);
  runner_ = std::make_unique<TurnRunner>(limits_, *store_);
  if (absl::Status status = runner_->Load(clock_.Read()); !status.ok()) return status;
  PublishStats();
  State starting = State::kStarting;
  if (!state_.compare_exchange_strong(starting, State::kServing)) {
    return absl::CancelledError("the start was abandoned");
  }
  heart_ = std::thread([this] { BeatUntilStopped(); });
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

bool LockEngine::AbandonStart() {
  State starting = State::kStarting;
  return state_.compare_exchange_strong(starting, State::kStopped);
}

CallId LockEngine::Submit(CommandBody body, CallListener* listener, Begin begin) {
  const CallId call{next_call_.fetch_add(1, std::memory_order_relaxed)};
  auto refused =
      Put({.command = {.call = call, .body = std::move(body)}, .listener = listener}, begin);
  if (refused.has_value()) listener->OnOutcome(*std::move(refused));
  return call;
}

std::optional<Refused> LockEngine::Put(Mailbox::Item item, Begin begin) {
  const State state = state_.load(std::memory_order_acquire);
  if (state != State::kServing) {
    return Refused{.reason = state == State::kStarting ? Refusal::kStarting : Refusal::kStopping};
  }
  if (mailbox_.Put(item, WakeFor(begin))) return std::nullopt;
  const bool stopped = state_.load(std::memory_order_acquire) == State::kStopped;
  if (stopped) return Refused{.reason = Refusal::kStopping};
  return Refused{.reason = Refusal::kLimitExceeded, .name = "max_pending_commands"};
}

void LockEngine::Cancel(CallId call) {
  mailbox_.PutAlways({.command = {.call = {}, .body = CancelCommand{call}}});
}

void LockEngine::ContinueWatch(CallId call) {
  mailbox_.PutAlways({.command = {.call = {}, .body = WatchNextPageCommand{call}}});
}

void LockEngine::ReportUndelivered(UndeliveredCommand grant) {
  mailbox_.PutAlways({.command = {.call = {}, .body = std::move(grant)}});
}

CallId LockEngine::OpenStream(AttachCommand first_page, std::uint64_t operation,
                              SessionListener* listener, Begin begin) {
  const CallId call{next_call_.fetch_add(1, std::memory_order_relaxed)};
  const auto refused = Put({.command = {.call = call,
                                        .body = std::move(first_page),
                                        .stream = call,
                                        .operation = operation},
                            .session_listener = listener},
                           begin);
  if (refused.has_value()) listener->OnEnded(*refused);
  return call;
}

bool LockEngine::SubmitOperations(CallId stream, std::vector<SessionOperation>& operations,
                                  Begin begin) {
  // The stream is told of its end, or will be by the drain.
  if (state_.load(std::memory_order_acquire) != State::kServing) return true;
  std::uint64_t call = next_call_.fetch_add(operations.size(), std::memory_order_relaxed);
  bool may_refuse = false;
  std::vector<Mailbox::Item> items;
  items.reserve(operations.size());
  for (SessionOperation& operation : operations) {
    may_refuse = may_refuse || ExpectsOutcome(operation.body) ||
                 std::holds_alternative<AttachPageCommand>(operation.body);
    items.push_back({.command = {.call = CallId{call++},
                                 .body = std::move(operation.body),
                                 .stream = stream,
                                 .operation = operation.id}});
  }
  if (mailbox_.PutTogether(items, !may_refuse, WakeFor(begin))) return true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    operations[i].body = std::move(items[i].command.body);
  }
  return state_.load(std::memory_order_acquire) == State::kStopped;
}

void LockEngine::EndStream(CallId stream, bool by_client, std::uint64_t sent_through) {
  mailbox_.PutAlways(
      {.command = {.body = EndStreamCommand{
                       .stream = stream, .by_client = by_client, .sent_through = sent_through}}});
}

void LockEngine::Drain() {
  State serving = State::kServing;
  if (!state_.compare_exchange_strong(serving, State::kDraining)) return;
  DrainListener listener;
  const CallId call{next_call_.fetch_add(1, std::memory_order_relaxed)};
  mailbox_.PutAlways({.command = {.call = call, .body = DrainCommand{}}, .listener = &listener});
  listener.Wait();
}

void LockEngine::Stop() {
  state_ = State::kStopped;
  mailbox_.Close();
  if (thread_.joinable()) thread_.join();
  {
    MutexLock lock(heart_mutex_);
    heart_stopped_ = true;
  }
  heart_stops_.NotifyOne();
  if (heart_.joinable()) heart_.join();
  runner_.reset();
  store_.reset();
}

TableStats LockEngine::stats() const {
  MutexLock lock(stats_mutex_);
  return stats_;
}

void LockEngine::TakeTurn() {
  if (!mailbox_.TryTakeTurn(items_)) return;
  for (int turns = 1;; ++turns) {
    BeginTurn();
    if (!MayCommitHere()) {
      mailbox_.HandOver();
      return;
    }
    if (!FinishTurn()) return;
    if (turns == kTurnsAtOnce) {
      mailbox_.GiveUp(NextTurn());
      return;
    }
    if (!mailbox_.Continue(items_, NextTurn())) return;
  }
}

void LockEngine::Run() {
  while (true) {
    switch (mailbox_.Await(clock_, items_)) {
      case Mailbox::Turn::kNone:
        return;
      case Mailbox::Turn::kBegin:
        BeginTurn();
        break;
      case Mailbox::Turn::kFinish:
        break;
    }
    if (!FinishTurn()) return;
    while (mailbox_.Continue(items_, NextTurn())) {
      BeginTurn();
      if (!FinishTurn()) return;
    }
  }
}

void LockEngine::BeatUntilStopped() {
  MutexLock lock(heart_mutex_);
  while (!heart_stopped_) {
    runner_->Beat(clock_.Read().monotonic);
    heart_stops_.WaitFor(heart_mutex_, StallGuard::kHeartbeat);
  }
}

void LockEngine::BeginTurn() {
  Recycle(commands_);
  for (Mailbox::Item& item : items_) {
    if (item.listener != nullptr) listeners_.emplace(item.command.call, item.listener);
    if (item.session_listener != nullptr) {
      streams_[item.command.call].listener = item.session_listener;
    }
    commands_.push_back(std::move(item.command));
  }
  runner_->Apply(commands_, clock_.Read());
}

bool LockEngine::MayCommitHere() const {
  const Duration wait = runner_->LikelyWait();
  return wait == Duration::zero() ||
         (wait <= kQuickCommit && commands_.size() <= kCommandsCommittedHere);
}

// False: the commit has failed, and there will be no other turn.
bool LockEngine::FinishTurn() {
  Recycle(deliveries_);
  if (absl::Status status = runner_->Commit(deliveries_); !status.ok()) {
    state_ = State::kStopped;
    mailbox_.Fail();
    on_fatal_(status);
    return false;
  }
  PublishStats();
  Deliver();
  last_turn_ = clock_.Read().monotonic;
  runner_->Finished(last_turn_);
  return true;
}

Instant LockEngine::NextTurn() const { return last_turn_ + runner_->TimeToNextTurn(last_turn_); }

void LockEngine::Deliver() {
  for (Delivery& delivery : deliveries_) {
    if (delivery.stream != CallId{}) {
      CollectForStream(delivery);
      continue;
    }
    const auto found = listeners_.find(delivery.call);
    if (found == listeners_.end()) continue;  // Nobody waits for it.
    CallListener* const listener = found->second;
    // After its final outcome the listener may be gone.
    if (IsFinal(delivery.outcome)) listeners_.erase(found);
    listener->OnOutcome(std::move(delivery.outcome));
  }
  DeliverToStreams();
}

void LockEngine::CollectForStream(Delivery& delivery) {
  const auto found = streams_.find(delivery.stream);
  if (found == streams_.end()) return;  // It has ended, and nobody waits for this any more.
  OpenStreamState& stream = found->second;
  if (delivery.call == delivery.stream && IsFinal(delivery.outcome)) {
    SessionListener* const listener = stream.listener;
    std::vector<SessionOutcome> outcomes = std::move(stream.outcomes);
    streams_.erase(found);
    if (!outcomes.empty()) listener->OnOutcomes(std::move(outcomes));
    listener->OnEnded(std::get<Refused>(delivery.outcome));
    return;
  }
  if (stream.outcomes.empty()) streams_told_.push_back(delivery.stream);
  stream.outcomes.push_back({.operation = delivery.operation,
                             .number = delivery.number,
                             .outcome = std::move(delivery.outcome)});
}

void LockEngine::DeliverToStreams() {
  for (const CallId call : streams_told_) {
    const auto found = streams_.find(call);
    if (found == streams_.end()) continue;
    found->second.listener->OnOutcomes(std::exchange(found->second.outcomes, {}));
  }
  Recycle(streams_told_);
}

void LockEngine::PublishStats() {
  const TableStats stats = runner_->table().stats();
  MutexLock lock(stats_mutex_);
  stats_ = stats;
}

}  // namespace holdfast
