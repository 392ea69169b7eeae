#include "tests/simulation/server.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/status/status.h"

namespace holdfast::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Loading takes up to this long.
constexpr Duration kLongestLoad = milliseconds(300);

// Makes numbers that jump of numbers that rise.
constexpr std::uint64_t kScatter = 0x9e3779b97f4a7c15;

// How long the engine's thread takes to wake up.
constexpr Duration kWakeUp = microseconds(20);

// As whom the server knows whoever calls himself this. So what it tells of one says what it
// must tell of the other, whatever has happened to it since.
Principal PrincipalOf(const std::string& owner) { return Principal("uid of " + owner); }

template <typename View>
bool TellsPrincipal(const View& view) {
  return view.principal == PrincipalOf(view.owner);
}

bool TellsPrincipals(const Outcome& outcome) {
  if (const auto* granted = std::get_if<Granted>(&outcome)) {
    const LeaseRecord& lease = granted->lease.lease;
    return lease.principal == PrincipalOf(lease.spec.owner);
  }
  if (const auto* shown = std::get_if<Shown>(&outcome)) {
    return std::all_of(shown->lock.holders.begin(), shown->lock.holders.end(),
                       TellsPrincipal<HolderView>) &&
           std::all_of(shown->lock.waiters.begin(), shown->lock.waiters.end(),
                       TellsPrincipal<WaiterView>);
  }
  const auto* refused = std::get_if<Refused>(&outcome);
  return refused == nullptr || !refused->holder.has_value() || TellsPrincipal(*refused->holder);
}

}  // namespace

Server::Server(World world, const ServerPlan& plan, std::function<void()> on_death)
    : world_(world),
      plan_(plan),
      on_death_(std::move(on_death)),
      process_(world.timeline, plan.skew) {}

void Server::Start() {
  state_ = State::kLoading;
  ++life_;
  process_.After(world_.chance.Between(milliseconds(1), kLongestLoad), [this] { Load(); });
}

void Server::Load() {
  store_ = world_.disk.OpenStore();
  runner_ = std::make_unique<TurnRunner>(plan_.limits, *store_);
  if (const absl::Status status = runner_->Load(ReadClock()); !status.ok()) {
    world_.recorder.Fail("the server cannot load what it has stored: " +
                         std::string(status.message()));
    return;
  }
  restored_.clear();
  for (LeaseSpec& lease : world_.disk.HeldLeases()) restored_.insert(std::move(lease.lease_id));
  state_ = State::kServing;
  world_.recorder.Record(0, 0, history::ServerStarted{});
  Beat();
  ScheduleTurn();
}

void Server::Beat() {
  runner_->Beat(Instant(process_.LocalNow()));
  process_.After(StallGuard::kHeartbeat, [this] { Beat(); });
}

void Server::Crash() {
  RecordStop();
  process_.Die();
  world_.disk.Crash(/*keep_unsynced=*/world_.chance.Permille(500));
  state_ = State::kDown;
  runner_ = nullptr;
  store_ = nullptr;
  mailbox_.clear();
  replies_.clear();
  streams_.clear();
  deliveries_.clear();
  tokens_.clear();
  in_turn_ = false;
  drained_ = false;
  next_turn_ = 0;
  on_death_();
}

void Server::Terminate() {
  if (state_ != State::kServing) return;
  RecordStop();
  state_ = State::kDraining;
  Put(CallId{++last_call_}, DrainCommand{});
}

void Server::Pause() {
  RecordStop();
  process_.Stop();
}

void Server::Resume() {
  if (!process_.stopped()) return;
  process_.Continue();
  if (state_ == State::kServing) {
    world_.recorder.Record(0, 0, history::ServerStarted{.continued = true});
  }
}

// A server that ends in good order stops twice: it ceases to serve, and later its engine
// ends, which has let leases lapse until then.
void Server::RecordStop() {
  const bool at_work = state_ == State::kServing || state_ == State::kDraining;
  if (at_work && !process_.stopped()) world_.recorder.Record(0, 0, history::ServerStopped{});
}

CallId Server::Receive(CommandBody body, Reply reply) {
  const CallId call{++last_call_};
  if (state_ != State::kServing) {
    reply(Refused{.reason = Refusal::kStopping});
    return call;
  }
  if (mailbox_.size() >= plan_.limits.max_pending_commands) {
    reply(Refused{.reason = Refusal::kLimitExceeded, .name = "max_pending_commands"});
    return call;
  }
  AddWhatTheServerKnows(body);
  replies_.emplace(call, std::move(reply));
  Put(call, std::move(body));
  return call;
}

// When the request came, and from whom.
void Server::AddWhatTheServerKnows(CommandBody& body) const {
  const Instant received = ReadClock().monotonic;
  std::visit(
      [received](auto& command) {
        if constexpr (requires { command.received; }) command.received = received;
        if constexpr (requires { command.spec.owner; }) {
          command.principal = PrincipalOf(command.spec.owner);
        }
      },
      body);
}

void Server::CallGone(CallId call) {
  if (replies_.contains(call)) Put({}, CancelCommand{call});
}

void Server::Undelivered(const std::string& lease_id) {
  --deliveries_[lease_id];
  Put({}, UndeliveredCommand{.lease_id = lease_id, .fencing_token = tokens_[lease_id]});
  if (GrantedInVain(lease_id)) ExpectTakenBack(lease_id);
}

// By then, what a timer ends that is set now and for that long has ended: if it comes due
// while nothing is held against clients, because the server was stopped before, and while a
// commit is under way.
Duration Server::EndsWithin(Duration span) const {
  constexpr Duration kNotHeldAgainst =
      StallGuard::kGrace + StallGuard::kHeartbeat + StallGuard::kLate;
  const Duration commit =
      plan_.slow_commits_permille > 0 ? plan_.slowest_commit : plan_.longest_commit;
  return span + kNotHeldAgainst + 3 * commit + milliseconds(100);
}

// A grant that nobody received is taken back when the re-attach window is over. (A pause, after
// which nothing is held against clients for a while, puts that off.)
void Server::ExpectTakenBack(const std::string& lease_id) {
  process_.After(EndsWithin(plan_.limits.reattach_window),
                 [this, lease_id, stops = process_.stops()] {
                   if (!GrantedInVain(lease_id) || !world_.disk.Holds(lease_id)) return;
                   if (process_.stops() != stops) {
                     ExpectTakenBack(lease_id);
                   } else {
                     world_.recorder.Fail("a grant that did not arrive is kept: " + lease_id);
                   }
                 });
}

bool Server::GrantedInVain(const std::string& lease_id) const {
  if (restored_.contains(lease_id)) return false;
  const auto found = deliveries_.find(lease_id);
  return found == deliveries_.end() || found->second == 0;
}

Now Server::ReadClock() const {
  // Somebody sets the wall clock all the time. It is for display, so nothing may come of
  // it.
  const Duration local = process_.LocalNow();
  const std::uint64_t anything = static_cast<std::uint64_t>(local.count()) * kScatter >> 4;
  return {.monotonic = Instant(local), .wall = WallTime{static_cast<std::int64_t>(anything)}};
}

void Server::Put(CallId call, CommandBody body, CallId stream, std::uint64_t operation) {
  mailbox_.push_back(
      {.call = call, .body = std::move(body), .stream = stream, .operation = operation});
  if (!in_turn_) ScheduleTurn();
}

void Server::ScheduleTurn() {
  process_.Cancel(next_turn_);
  const Duration wait = mailbox_.empty() ? runner_->TimeToNextTurn(Instant(process_.LocalNow()))
                                         : world_.chance.Between(microseconds(1), kWakeUp);
  next_turn_ = process_.After(wait, [this] { Turn(); });
}

void Server::Turn() {
  next_turn_ = 0;
  in_turn_ = true;
  const std::vector<Command> commands = std::exchange(mailbox_, {});
  std::vector<Delivery> deliveries;
  const absl::Status status = runner_->Run(commands, ReadClock(), deliveries);
  if (!status.ok()) {
    // As holdfastd does: it ends, and whoever looks after it starts it again.
    Crash();
    return;
  }
  const auto finish = [this, deliveries = std::move(deliveries)] { FinishTurn(deliveries); };
  if (world_.disk.dirty()) {
    process_.After(CommitTime(), finish);
  } else {
    finish();
  }
}

void Server::FinishTurn(const std::vector<Delivery>& deliveries) {
  const std::vector<std::string> granted = world_.disk.UnsyncedGrants();
  world_.disk.Sync();
  for (const Delivery& delivery : deliveries) Deliver(delivery);
  FlushStreams();
  for (const std::string& lease_id : granted) {
    if (GrantedInVain(lease_id)) ExpectTakenBack(lease_id);
  }
  if (drained_) {
    Crash();
    return;
  }
  runner_->Finished(Instant(process_.LocalNow()));
  in_turn_ = false;
  ScheduleTurn();
}

void Server::Deliver(const Delivery& delivery) {
  if (std::holds_alternative<Drained>(delivery.outcome)) {
    drained_ = true;
    return;
  }
  if (!TellsPrincipals(delivery.outcome)) {
    world_.recorder.Fail("the engine told a principal that is not the owner's");
  }
  if (const auto* granted = std::get_if<Granted>(&delivery.outcome)) {
    ExpectHoldsEnd(granted->lease);
  }
  if (delivery.stream != CallId{}) {
    DeliverToStream(delivery);
    return;
  }
  const auto found = replies_.find(delivery.call);
  if (found == replies_.end()) {
    world_.recorder.Fail("the engine told a call more after its final outcome");
    return;
  }
  const bool sent = found->second(delivery.outcome);
  if (IsFinal(delivery.outcome)) replies_.erase(found);
  if (const auto* granted = std::get_if<Granted>(&delivery.outcome)) {
    const std::string& lease_id = granted->lease.lease.spec.lease_id;
    ++deliveries_[lease_id];
    tokens_[lease_id] = granted->lease.lease.fencing_token;
    if (!sent) Undelivered(lease_id);
  }
}

Duration Server::CommitTime() {
  const bool slow = slow_ && world_.chance.Permille(plan_.slow_commits_permille);
  return world_.chance.Skewed(microseconds(100),
                              slow ? plan_.slowest_commit : plan_.longest_commit);
}

}  // namespace holdfast::simulation
