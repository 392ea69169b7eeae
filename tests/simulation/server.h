// The simulated server: the real engine, turn by turn, on a simulated disk.
//
// It does what holdfastd does around services/lock/engine/turn.h: gathers commands
// while a commit is on its way to the disk, tells outcomes when it has arrived, tells
// the engine of callers who have gone and of grants that did not reach them. It can
// be killed, stopped and asked to end, at any moment. Thread-compatible.

#ifndef HOLDFAST_TESTS_SIMULATION_SERVER_H_
#define HOLDFAST_TESTS_SIMULATION_SERVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "services/lock/engine/command.h"
#include "services/lock/engine/limits.h"
#include "services/lock/engine/lock_store.h"
#include "services/lock/engine/lock_table.h"
#include "services/lock/engine/outcome.h"
#include "services/lock/engine/turn.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/process.h"
#include "tests/simulation/recorder.h"
#include "tests/simulation/timeline.h"

namespace holdfast::simulation {

struct ServerPlan {
  Limits limits{};
  ClockSkew skew{};
  Duration longest_commit = std::chrono::milliseconds(2);
  // Some commits take up to this long: a disk that is busy with something else.
  unsigned slow_commits_permille = 0;
  Duration slowest_commit = std::chrono::milliseconds(2);
  // Some messages of a stream take up to this long to be written: their client reads slowly.
  // What the stream is told meanwhile goes out with the next.
  unsigned slow_writes_permille = 0;
  Duration slowest_write = std::chrono::seconds(1);
};

// Whoever waits for the outcomes of a call, on the server's side of the network.
// Returns whether the outcome could be sent.
using Reply = std::function<bool(const Outcome&)>;

// Of a stream, what the client sends and what it is told.
struct StreamOperation {
  std::uint64_t id = 0;
  CommandBody body;
};
struct StreamOutcome {
  std::uint64_t operation = 0;
  std::uint64_t number = 0;
  Outcome outcome;
};
struct StreamReplies {
  std::function<void(const std::vector<StreamOutcome>&)> on_outcomes;  // Of one message.
  std::function<void(Refusal)> on_ended;                               // Last.
};

class Server {
 public:
  // All of these outlive it.
  struct World {
    Timeline& timeline;
    Chance& chance;
    Recorder& recorder;
    Disk& disk;
  };

  // `on_death` is called whenever the process has ended, for whatever reason.
  Server(World world, const ServerPlan& plan, std::function<void()> on_death);

  // Loads what the disk holds, which takes a while, and serves.
  // REQUIRES: it does not run.
  void Start();

  // Dies: kill -9, or the loss of power, which are the same to a disk that loses
  // whatever was not synced.
  void Crash();

  // SIGTERM: those who wait are sent away, then the process ends.
  void Terminate();

  // SIGSTOP and SIGCONT.
  void Pause();
  void Resume();

  bool running() const { return state_ != State::kDown; }
  bool serving() const { return state_ == State::kServing; }
  Process& process() { return process_; }

  // One life of the process. Calls of another life are unknown.
  std::uint64_t life() const { return life_; }

  // How often it was paused.
  std::uint64_t stops() const { return process_.stops(); }

  // A request has come in. REQUIRES: serving() or draining.
  CallId Receive(CommandBody body, Reply reply);

  // The connection of a call of this life has closed, or its caller has cancelled.
  void CallGone(CallId call);

  // The same for the stream of a session.
  CallId OpenStream(AttachCommand attach, std::uint64_t operation, StreamReplies replies);
  void Operate(CallId stream, std::vector<StreamOperation> operations);
  void EndStream(CallId stream, bool by_client);

  // A grant that was sent turns out not to have arrived.
  void Undelivered(const std::string& lease_id);

  // The disk and those who read are quick from now on.
  void Heal() { slow_ = false; }

  TableStats stats() const { return runner_->table().stats(); }

  // Whether this life of the server has granted the lease undelivered: there was no answer
  // that carried it, or every one was reported undelivered.
  bool GrantedInVain(const std::string& lease_id) const;

 private:
  enum class State { kDown, kLoading, kServing, kDraining };

  // Of a session, on the server's side.
  struct Stream {
    StreamReplies replies;
    std::vector<StreamOutcome> outcomes;  // Not sent yet.
    std::uint64_t sent_through = 0;       // The number of the last one that was sent.
    bool writing = false;
    bool ending = false;  // By the network; the engine does not know yet.
  };

  Now ReadClock() const;
  void RecordStop();
  void AddWhatTheServerKnows(CommandBody& body) const;
  void Load();
  void Put(CallId call, CommandBody body, CallId stream = {}, std::uint64_t operation = 0);
  void Beat();
  void ScheduleTurn();
  void Turn();
  void FinishTurn(const std::vector<Delivery>& deliveries);
  void Deliver(const Delivery& delivery);
  void DeliverToStream(const Delivery& delivery);
  void FlushStreams();
  void Write(CallId id, Stream& stream);
  void ExpectHoldsEnd(const LeaseView& lease);
  Duration CommitTime();
  Duration EndsWithin(Duration span) const;
  void ExpectTakenBack(const std::string& lease_id);

  const World world_;
  const ServerPlan plan_;
  const std::function<void()> on_death_;
  Process process_;

  State state_ = State::kDown;
  std::uint64_t life_ = 0;
  std::uint64_t last_call_ = 0;

  std::unique_ptr<LockStore> store_;
  std::unique_ptr<TurnRunner> runner_;
  std::vector<Command> mailbox_;
  std::map<CallId, Reply> replies_;
  std::map<CallId, Stream> streams_;
  bool in_turn_ = false;
  bool drained_ = false;
  bool slow_ = true;
  std::set<std::string> restored_;               // Lease ids that were held before this life.
  std::map<std::string, int> deliveries_;        // Of grants, less those that came to nothing.
  std::map<std::string, std::uint64_t> tokens_;  // Of the last grant to each lease_id.
  Process::TimerId next_turn_ = 0;
};

}  // namespace holdfast::simulation

#endif  // HOLDFAST_TESTS_SIMULATION_SERVER_H_
