// The part of the simulated network that is about the streams of sessions: what one side
// sends arrives in its order, all of it up to the moment at which the connection breaks.

#include <chrono>
#include <utility>

#include "tests/simulation/network.h"

namespace holdfast::simulation {

class Network::OpenStreamCall final : public Stream,
                                      public std::enable_shared_from_this<OpenStreamCall> {
 public:
  OpenStreamCall(Network& of_network, std::size_t on_channel, StreamEvents its_events)
      : network(of_network),
        channel(on_channel),
        connection(of_network.channels_[on_channel].connection),
        events(std::move(its_events)) {}

  void Send(std::vector<StreamOperation> operations) override {
    if (client_gone) return;
    ToServer([self = shared_from_this(), operations = std::move(operations)](Server& server) {
      if (self->Known(server)) server.Operate(*self->id, operations);
    });
  }

  bool connected() const override { return !CutOff(); }

  void Close() override {
    if (client_gone) return;
    Abandon();
    ToServer([self = shared_from_this()](Server& server) {
      self->ServerNotices(server, /*by_client=*/true);
    });
  }

  void Abandon() override {
    client_gone = true;
    events = {};
  }

  // Lets the server do it when what is sent now has arrived there, unless the connection
  // breaks before.
  void ToServer(std::function<void(Server&)> action) {
    network.world_.timeline.At(network.ArrivalAtServer(network.channels_[channel]),
                               [self = shared_from_this(), action = std::move(action)] {
                                 self->network.Arrive(self->channel, [self, action] {
                                   if (!self->CutOff()) action(self->network.world_.server);
                                 });
                               });
  }

  // Lets the client do it when it has arrived.
  void ToClient(std::function<void(StreamEvents&)> action) {
    if (CutOff()) return;
    network.world_.timeline.At(network.ArrivalAtClient(network.channels_[channel]),
                               [self = shared_from_this(), action = std::move(action)] {
                                 if (self->CutOff()) return;
                                 self->network.channels_[self->channel].process->After(
                                     Duration::zero(), [self, action] {
                                       if (!self->client_gone) action(self->events);
                                     });
                               });
  }

  void TellBroken() {
    network.channels_[channel].process->After(network.Delay(), [self = shared_from_this()] {
      if (self->client_gone) return;
      self->client_gone = true;
      const auto on_broken = std::exchange(self->events, {}).on_broken;
      on_broken();
    });
  }

  bool CutOff() const { return network.channels_[channel].connection != connection; }

  bool Known(const Server& server) const {
    return id.has_value() && server.running() && server.life() == server_life;
  }

  void ServerNotices(Server& server, bool by_client) {
    if (Known(server)) server.EndStream(*id, by_client);
  }

  Network& network;
  const std::size_t channel;
  const std::uint64_t connection;
  StreamEvents events;

  bool client_gone = false;
  // The server's side.
  std::optional<CallId> id;
  std::uint64_t server_life = 0;
};

std::shared_ptr<Stream> Network::OpenStream(std::size_t channel, AttachCommand attach,
                                            std::uint64_t operation, StreamEvents events) {
  auto stream = std::make_shared<OpenStreamCall>(*this, channel, std::move(events));
  attach.local = channels_[channel].local;
  for (auto* known : {&channels_[channel].streams, &streams_}) {
    std::erase_if(*known, [](const std::weak_ptr<OpenStreamCall>& one) { return one.expired(); });
    known->push_back(stream);
  }
  stream->ToServer([stream, attach = std::move(attach), operation](Server& server) {
    if (!server.running()) {
      stream->TellBroken();
      return;
    }
    stream->server_life = server.life();
    stream->id = server.OpenStream(attach, operation,
                                   {.on_outcomes =
                                        [stream](const std::vector<StreamOutcome>& outcomes) {
                                          stream->ToClient([outcomes](StreamEvents& to) {
                                            const auto on_outcomes =
                                                to.on_outcomes;  // Which may let go of itself.
                                            on_outcomes(outcomes);
                                          });
                                        },
                                    .on_ended =
                                        [stream](Refusal why) {
                                          stream->ToClient([stream, why](StreamEvents& to) {
                                            stream->client_gone = true;
                                            const auto on_ended = std::exchange(to, {}).on_ended;
                                            on_ended(why);
                                          });
                                        }});
  });
  return stream;
}

// The connection is no more. A local one shows that at once.
void Network::BreakStreams(std::size_t index, bool by_client) {
  Channel& channel = channels_[index];
  const Duration latest = channel.local ? std::chrono::milliseconds(1) : plan_.latest_notice;
  for (const std::weak_ptr<OpenStreamCall>& known : std::exchange(channel.streams, {})) {
    const std::shared_ptr<OpenStreamCall> stream = known.lock();
    if (stream == nullptr) continue;
    stream->TellBroken();
    world_.timeline.At(world_.timeline.now() + NoticeAfter(latest), [this, stream, by_client] {
      Arrive(stream->channel,
             [this, stream, by_client] { stream->ServerNotices(world_.server, by_client); });
    });
  }
}

// Of this process, or, of null, of all.
void Network::ForgetStreams(const Process* process) {
  for (const std::weak_ptr<OpenStreamCall>& known : streams_) {
    const std::shared_ptr<OpenStreamCall> stream = known.lock();
    if (stream == nullptr) continue;
    if (process != nullptr && channels_[stream->channel].process != process) continue;
    stream->Abandon();
  }
}

}  // namespace holdfast::simulation
