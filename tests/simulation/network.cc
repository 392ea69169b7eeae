#include "tests/simulation/network.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace holdfast::simulation {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// After a pause, the server's threads have read what is in the sockets within this.
// (The engine holds silence against nobody for half a second; see stall_guard.h.)
constexpr Duration kLongestReadAfterPause = milliseconds(300);

// What loses a request or an answer ends the call within this.
constexpr Duration kLongestLoss = std::chrono::seconds(4);

}  // namespace

// One call, as the two ends and the connection between them see it.
class Network::OpenCall final : public Call, public std::enable_shared_from_this<OpenCall> {
 public:
  OpenCall(Network& of_network, std::size_t on_channel, CallEvents its_events)
      : network(of_network),
        channel(on_channel),
        connection(of_network.channels_[on_channel].connection),
        events(std::move(its_events)) {}

  void Cancel() override {
    if (caller_gone) return;
    caller_gone = true;
    if (CutOff()) return;
    network.TellServerGone(shared_from_this(), network.ArrivalAtServer(network.channels_[channel]));
  }

  // Whether its connection is no more.
  bool CutOff() const { return network.channels_[channel].connection != connection; }

  Network& network;
  const std::size_t channel;
  const std::uint64_t connection;
  CallEvents events;

  bool caller_gone = false;  // Cancelled, broken, or answered for good.
  // The server's side.
  std::optional<CallId> id;
  std::uint64_t server_life = 0;
  bool server_knows_gone = false;
  std::string granted_into_the_void;  // A lease_id: sent after the cut.
};

// Forgets those that are gone, and adds `call`.
std::size_t Network::Remember(std::vector<std::weak_ptr<OpenCall>>& calls,
                              const std::shared_ptr<OpenCall>& call) {
  std::erase_if(calls, [](const std::weak_ptr<OpenCall>& known) { return known.expired(); });
  calls.push_back(call);
  return calls.size();
}

// A call and its caller hold one another; that has to end somewhere.
Network::~Network() {
  ForgetStreams(nullptr);
  for (const std::weak_ptr<OpenCall>& known : calls_) {
    if (const std::shared_ptr<OpenCall> call = known.lock()) call->events = {};
  }
}

std::size_t Network::AddChannel(Process& process, bool local) {
  channels_.push_back({.process = &process, .local = local});
  return channels_.size() - 1;
}

std::shared_ptr<Call> Network::Send(std::size_t channel, CommandBody body, CallEvents events) {
  auto call = std::make_shared<OpenCall>(*this, channel, std::move(events));
  Remember(channels_[channel].calls, call);
  if (calls_.size() < calls_to_tidy_) {
    calls_.push_back(call);
  } else {
    calls_to_tidy_ = 1'000 + 2 * Remember(calls_, call);
  }
  if (world_.chance.Permille(plan_.repeated_requests_permille)) Repeat(body);
  if (world_.chance.Permille(plan_.lost_requests_permille)) {
    BreakLater(call);
    return call;
  }
  world_.timeline.At(ArrivalAtServer(channels_[channel]), [this, call, body = std::move(body)] {
    Arrive(call->channel, [this, call, body] { ToServer(call, body); });
  });
  return call;
}

// Something has come to the server's end of the connection. While the server is
// stopped it stays in the socket, behind what came before it.
void Network::Arrive(std::size_t index, Action action) {
  Channel& channel = channels_[index];
  if (world_.server.process().stopped() || world_.timeline.now() < channel.server_reads_at) {
    channel.unread.push_back(std::move(action));
  } else {
    action();
  }
}

void Network::ToServer(const std::shared_ptr<OpenCall>& call, const CommandBody& body) {
  if (call->CutOff()) return;
  Server& server = world_.server;
  if (!server.running()) {
    TellBroken(call);
    return;
  }
  call->server_life = server.life();
  call->id = server.Receive(
      body, [this, call](const Outcome& outcome) { return ToClient(call, outcome); });
}

bool Network::ToClient(const std::shared_ptr<OpenCall>& call, const Outcome& outcome) {
  if (call->server_knows_gone) return false;
  if (call->CutOff()) {
    // The server's kernel takes it; that it is lost shows later, if at all.
    if (const auto* granted = std::get_if<Granted>(&outcome)) {
      call->granted_into_the_void = granted->lease.lease.spec.lease_id;
    }
    return true;
  }
  if (IsFinal(outcome) && world_.chance.Permille(plan_.lost_answers_permille)) {
    BreakLater(call);
    return true;
  }
  Channel& channel = channels_[call->channel];
  world_.timeline.At(ArrivalAtClient(channel), [call, outcome] {
    Process& process = *call->network.channels_[call->channel].process;
    if (call->CutOff()) return;
    process.After(Duration::zero(), [call, outcome] {
      if (call->caller_gone) return;
      if (IsFinal(outcome)) call->caller_gone = true;
      call->events.on_outcome(outcome);
    });
  });
  return true;
}

// Whatever has lost the request or the answer gives the call up some time later.
void Network::BreakLater(const std::shared_ptr<OpenCall>& call) {
  world_.timeline.After(world_.chance.Skewed(milliseconds(1), kLongestLoss),
                        [this, call] { TellBroken(call); });
}

void Network::TellBroken(const std::shared_ptr<OpenCall>& call) {
  Process& process = *channels_[call->channel].process;
  process.After(Delay(), [call] {
    if (call->caller_gone) return;
    call->caller_gone = true;
    call->events.on_broken();
  });
}

// The server hears that nobody waits for the call any more.
void Network::TellServerGone(const std::shared_ptr<OpenCall>& call, Time when) {
  world_.timeline.At(
      when, [this, call] { Arrive(call->channel, [this, call] { ServerNoticesGone(*call); }); });
}

void Network::ServerNoticesGone(OpenCall& call) {
  Server& server = world_.server;
  if (call.server_knows_gone || !call.id.has_value()) return;
  if (!server.running() || server.life() != call.server_life) return;
  call.server_knows_gone = true;
  server.CallGone(*call.id);
  if (!call.granted_into_the_void.empty() && world_.chance.Permille(800)) {
    server.Undelivered(call.granted_into_the_void);
  }
}

void Network::Cut(std::size_t index) { Break(index, /*by_client=*/!channels_[index].local); }

void Network::Break(std::size_t index, bool by_client) {
  Channel& channel = channels_[index];
  ++channel.connection;
  channel.stalled_until = Time::zero();
  channel.last_to_server = channel.last_to_client = world_.timeline.now();
  for (const std::weak_ptr<OpenCall>& known : std::exchange(channel.calls, {})) {
    const std::shared_ptr<OpenCall> call = known.lock();
    if (call == nullptr) continue;
    TellBroken(call);
    TellServerGone(call, world_.timeline.now() + NoticeAfter(plan_.latest_notice));
  }
  BreakStreams(index, by_client);
}

void Network::Stall(std::size_t channel, Duration span) {
  Time& until = channels_[channel].stalled_until;
  // One stall at a time, so that nothing is held up for longer than that.
  if (until < world_.timeline.now()) until = world_.timeline.now() + span;
}

void Network::ServerDied() {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    channels_[i].unread.clear();
    Cut(i);
  }
}

void Network::ServerResumed() {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    Channel& channel = channels_[i];
    channel.server_reads_at =
        world_.timeline.now() + world_.chance.Between(Duration::zero(), kLongestReadAfterPause);
    world_.timeline.At(channel.server_reads_at, [this, i] {
      if (world_.server.process().stopped()) return;  // Again; it will resume again.
      for (const Action& action : std::exchange(channels_[i].unread, {})) action();
    });
  }
}

void Network::Heal() {
  plan_.lost_requests_permille = 0;
  plan_.lost_answers_permille = 0;
  plan_.repeated_requests_permille = 0;
}

void Network::ClientDied(const Process& process) {
  for (const std::weak_ptr<OpenCall>& known : calls_) {
    const std::shared_ptr<OpenCall> call = known.lock();
    if (call == nullptr || channels_[call->channel].process != &process) continue;
    call->caller_gone = true;
    call->events = {};
  }
  ForgetStreams(&process);
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i].process == &process) Break(i, /*by_client=*/true);
  }
}

Duration Network::Delay() { return world_.chance.Skewed(microseconds(50), plan_.longest_delay); }

Duration Network::NoticeAfter(Duration latest) {
  return world_.chance.Permille(500) ? world_.chance.Skewed(microseconds(50), latest)
                                     : world_.chance.Between(microseconds(50), latest);
}

Time Network::ArrivalAtServer(Channel& channel) {
  const Time when = std::max(world_.timeline.now() + Delay(), channel.stalled_until);
  channel.last_to_server = std::max(when, channel.last_to_server + Duration(1));
  return channel.last_to_server;
}

Time Network::ArrivalAtClient(Channel& channel) {
  const Time when = std::max(world_.timeline.now() + Delay(), channel.stalled_until);
  channel.last_to_client = std::max(when, channel.last_to_client + Duration(1));
  return channel.last_to_client;
}

// Sends the request once more, over a connection of its own, whose end is nobody who
// listens.
void Network::Repeat(const CommandBody& body) {
  // The one request that is not safe to repeat, as its documentation says.
  const auto* force = std::get_if<ForceReleaseCommand>(&body);
  if (force != nullptr && !force->fencing_token.has_value()) return;
  struct Ghost {
    bool open = true;
    std::optional<CallId> id;
    std::uint64_t life = 0;
  };
  const auto ghost = std::make_shared<Ghost>();
  world_.timeline.After(
      world_.chance.Skewed(milliseconds(1), plan_.latest_repeat), [this, ghost, body] {
        Server& server = world_.server;
        if (!server.running() || server.process().stopped()) return;
        ghost->life = server.life();
        ghost->id = server.Receive(body, [ghost](const Outcome&) { return ghost->open; });
        world_.timeline.After(
            world_.chance.Skewed(milliseconds(1), std::chrono::seconds(10)), [this, ghost] {
              ghost->open = false;
              if (world_.server.running() && world_.server.life() == ghost->life) {
                world_.server.CallGone(*ghost->id);
              }
            });
      });
}

}  // namespace holdfast::simulation
