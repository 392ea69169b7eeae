// The simulated network between the clients and the server.
//
// A client reaches the server over channels, each a connection at a time. What goes
// over one connection arrives in its order, after a delay; connections overtake one
// another. A connection can stall, and can be cut: what was under way is lost then, and
// each end notices at a time of its own, the server perhaps much later. Something
// between the two (a proxy, a client library) may lose a request or an answer, and may
// send a request again, late and over a connection of its own. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_NETWORK_H_
#define HOLDFAST_TESTS_SIMULATION_NETWORK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/lock/engine/command.h"
#include "services/lock/engine/outcome.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/process.h"
#include "tests/simulation/server.h"
#include "tests/simulation/timeline.h"

namespace holdfast::simulation {

struct NetworkPlan {
  Duration longest_delay = std::chrono::milliseconds(5);
  unsigned lost_requests_permille = 0;
  unsigned lost_answers_permille = 0;
  unsigned repeated_requests_permille = 0;
  Duration latest_repeat = std::chrono::seconds(20);
  // How long after a cut the server may take to notice; mostly it does much sooner.
  Duration latest_notice = std::chrono::seconds(3);
};

// What a caller hears of its call. Called by the caller's process.
struct CallEvents {
  std::function<void(const Outcome&)> on_outcome;
  // The connection broke. Nothing comes after it.
  std::function<void()> on_broken;
};

// A call as its caller sees it. Dropping it changes nothing.
class Call {
 public:
  virtual ~Call() = default;

  // The caller does not want to hear of it any more; the server is told, in time.
  virtual void Cancel() = 0;
};

// The stream of a session as its client sees it. Dropping it changes nothing.
class Stream {
 public:
  virtual ~Stream() = default;

  virtual void Send(std::vector<StreamOperation> operations) = 0;

  // Whether its connection is still there. (A client cannot know that.)
  virtual bool connected() const = 0;

  // The client ends it, and hears of it no more.
  virtual void Close() = 0;

  // The client hears of it no more; the server is not told.
  virtual void Abandon() = 0;
};

struct StreamEvents {
  std::function<void(const std::vector<StreamOutcome>&)> on_outcomes;
  std::function<void(Refusal)> on_ended;
  // The connection broke. Nothing comes after it.
  std::function<void()> on_broken;
};

class Network {
 public:
  // All of these outlive it.
  struct World {
    Timeline& timeline;
    Chance& chance;
    Server& server;
  };

  Network(World world, const NetworkPlan& plan) : world_(world), plan_(plan) {}
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // A new channel of the client that runs in `process`, which outlives the network.
  // `local`: over a Unix socket, which only its two ends can break.
  std::size_t AddChannel(Process& process, bool local = false);

  std::shared_ptr<Call> Send(std::size_t channel, CommandBody body, CallEvents events);

  std::shared_ptr<Stream> OpenStream(std::size_t channel, AttachCommand attach,
                                     std::uint64_t operation, StreamEvents events);

  const Server& server() const { return world_.server; }

  // Cuts the channel's connection; the next call opens another. If it is local, the server
  // has done it.
  void Cut(std::size_t channel);

  // Nothing gets through for a while, and then all of it does.
  void Stall(std::size_t channel, Duration span);

  // The server has died: its kernel closes all connections.
  void ServerDied();

  // The server goes on after a pause: what is in its sockets is read within a while.
  void ServerResumed();

  // From now on every message gets through, once.
  void Heal();

  std::size_t channels() const { return channels_.size(); }

  // A client's process has died: its kernel closes its connections.
  void ClientDied(const Process& process);

 private:
  class OpenCall;
  class OpenStreamCall;

  struct Channel {
    Process* process = nullptr;
    bool local = false;
    std::uint64_t connection = 1;  // Counts them.
    Time stalled_until{};
    Time last_to_server{};
    Time last_to_client{};
    // While the server is stopped, and for a little longer, nobody reads.
    Time server_reads_at{};
    std::vector<Action> unread;
    std::vector<std::weak_ptr<OpenCall>> calls;
    std::vector<std::weak_ptr<OpenStreamCall>> streams;
  };

  void Break(std::size_t channel, bool by_client);
  void BreakStreams(std::size_t channel, bool by_client);
  void ForgetStreams(const Process* process);

  static std::size_t Remember(std::vector<std::weak_ptr<OpenCall>>& calls,
                              const std::shared_ptr<OpenCall>& call);
  Time ArrivalAtServer(Channel& channel);
  Time ArrivalAtClient(Channel& channel);
  Duration Delay();
  Duration NoticeAfter(Duration latest);
  void Arrive(std::size_t channel, Action action);
  void ToServer(const std::shared_ptr<OpenCall>& call, const CommandBody& body);
  bool ToClient(const std::shared_ptr<OpenCall>& call, const Outcome& outcome);
  void BreakLater(const std::shared_ptr<OpenCall>& call);
  void TellBroken(const std::shared_ptr<OpenCall>& call);
  void TellServerGone(const std::shared_ptr<OpenCall>& call, Time when);
  void ServerNoticesGone(OpenCall& call);
  void Repeat(const CommandBody& body);

  const World world_;
  NetworkPlan plan_;
  std::vector<Channel> channels_;
  std::vector<std::weak_ptr<OpenCall>> calls_;  // All that may still be open.
  std::vector<std::weak_ptr<OpenStreamCall>> streams_;
  std::size_t calls_to_tidy_ = 1'000;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_NETWORK_H_
