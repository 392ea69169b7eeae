#include "tests/simulation/run.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "tests/simulation/administrator.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/client.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/fenced_store.h"
#include "tests/simulation/library_client.h"
#include "tests/simulation/network.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/raw_client.h"
#include "tests/simulation/recorder.h"
#include "tests/simulation/server.h"
#include "tests/simulation/session_client.h"
#include "tests/simulation/timeline.h"
#include "tests/support/history/checker.h"
#include "tests/support/history/linearizability.h"

namespace holdfast::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Once nothing goes wrong any more, every client is through within this: the longest
// lease of one that died, and the longest timeout of those behind it.
constexpr Duration kLiveness = seconds(60);

// By then the last request that was repeated has come, its lease has lapsed, and the
// re-attach window is over.
constexpr Duration kSettling = seconds(60);

// What was stalled when the faults ended is through by then, and the server is up.
constexpr Duration kCalmingDown = seconds(6);

// Only a history of at most this many events is worth an exhaustive search.
constexpr std::size_t kShortHistory = 200;

constexpr Duration kClearing = seconds(10);

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed);

  RunResult Run();

 private:
  ClockSkew DrawSkew();
  bool AllIdle() const;
  void CheckWhatIsLeft();
  void RecordQuiet();
  RunResult Judge(const history::Rules& rules) const;
  history::Rules RulesOfThisRun(Time faults_ended) const;

  Chance chance_;
  const Plan plan_;
  Timeline timeline_;
  Recorder recorder_{timeline_};
  FencedStore store_{recorder_};
  Disk disk_;
  Server server_;
  Network network_;
  std::uint32_t last_client_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<Administrator> administrator_;
  Faults faults_;
};

ServerPlan WithSkew(ServerPlan plan, ClockSkew skew) {
  plan.skew = skew;
  return plan;
}

Simulation::Simulation(std::uint64_t seed)
    : chance_(seed),
      plan_(DrawPlan(chance_)),
      server_({.timeline = timeline_, .chance = chance_, .recorder = recorder_, .disk = disk_},
              WithSkew(plan_.server, DrawSkew()), [this] { faults_.OnServerDeath(); }),
      network_({.timeline = timeline_, .chance = chance_, .server = server_}, plan_.network),
      faults_({.timeline = timeline_,
               .chance = chance_,
               .disk = disk_,
               .server = server_,
               .network = network_,
               .clients = clients_},
              plan_.faults) {
  const ClientWorld world{.timeline = timeline_,
                          .chance = chance_,
                          .recorder = recorder_,
                          .network = network_,
                          .store = store_,
                          .disk = disk_,
                          .next_number = [this] { return ++last_client_; }};
  for (int i = 0; i < plan_.raw_clients; ++i) {
    clients_.push_back(std::make_unique<RawClient>(world, plan_.client, DrawSkew()));
  }
  for (int i = 0; i < plan_.library_clients; ++i) {
    clients_.push_back(std::make_unique<LibraryClient>(world, plan_.client, DrawSkew()));
  }
  for (int i = 0; i < plan_.session_clients; ++i) {
    clients_.push_back(std::make_unique<SessionClient>(world, plan_.client, DrawSkew()));
  }
  administrator_ = std::make_unique<Administrator>(world, plan_.client.keys);
}

ClockSkew Simulation::DrawSkew() {
  const int most = plan_.clock_skew_ppm;
  const auto steps = static_cast<std::uint64_t>(2 * most + 1);
  return {.offset = chance_.Between(seconds(1), std::chrono::hours(1)),
          .parts_per_million = static_cast<int>(chance_.Below(steps)) - most};
}

RunResult Simulation::Run() {
  server_.Start();
  timeline_.RunUntil(seconds(1));
  for (const std::unique_ptr<Client>& client : clients_) client->Start();
  // Without an administrator, a dead holder without an expiry holds for ever.
  if (plan_.forces || plan_.client.no_expire_permille > 0) administrator_->Begin();
  faults_.Begin();
  timeline_.RunUntil(seconds(1) + plan_.faults_until);

  faults_.End();
  const Time faults_ended = timeline_.now();
  recorder_.ExpectCalmFrom(faults_ended + kCalmingDown);
  if (plan_.calm > Duration::zero()) {
    timeline_.RunUntil(faults_ended + kCalmingDown + plan_.calm);
  }
  for (const std::unique_ptr<Client>& client : clients_) client->WindDown();
  for (Duration waited{}; waited < kLiveness && !AllIdle(); waited += seconds(1)) {
    timeline_.RunUntil(timeline_.now() + seconds(1));
  }
  if (!AllIdle()) {
    recorder_.Fail("a client is still waiting or holding, long after the last fault");
  }
  timeline_.RunUntil(timeline_.now() + kSettling);
  CheckWhatIsLeft();
  administrator_->End();
  administrator_->ClearAll();
  timeline_.RunUntil(timeline_.now() + kClearing);
  RecordQuiet();

  return Judge(RulesOfThisRun(faults_ended));
}

RunResult Simulation::Judge(const history::Rules& rules) const {
  RunResult result{.hash = recorder_.hash(),
                   .steps = timeline_.steps(),
                   .history = recorder_.history(),
                   .findings = recorder_.failures()};
  std::vector<history::Violation> violations = history::Check(result.history, rules);
  if (violations.empty() && result.history.size() <= kShortHistory) {
    const history::SearchResult search = history::CheckLinearizable(result.history, rules);
    result.keys_searched = search.keys_checked;
    violations = search.violations;
  }
  for (const history::Violation& violation : violations) {
    if (result.findings.empty()) result.events = violation.events;
    result.findings.push_back(std::string(history::Name(violation.invariant)) + ": " +
                              violation.message);
  }
  return result;
}

bool Simulation::AllIdle() const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const std::unique_ptr<Client>& client) { return client->idle(); });
}

// Everybody has cleaned up and every expiry is over. What is held now is held for ever:
// that is as it should be only if it has no expiry and its holder died, or if its caller
// was told LOCK_HELD and a request that the network has repeated got it after all
// (docs/decisions/0007).
void Simulation::CheckWhatIsLeft() {
  const bool requests_repeat = plan_.network.repeated_requests_permille > 0;
  std::set<std::string> excused;
  std::set<std::uint32_t> dead;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::string> lease_ids;  // By operation.
  std::map<std::string, std::uint32_t> callers;
  for (const history::Event& event : recorder_.history()) {
    const auto operation = std::pair(event.client, event.operation);
    if (const auto* called = std::get_if<history::AcquireCalled>(&event.what)) {
      lease_ids[operation] = called->lease_id;
      callers[called->lease_id] = event.client;
    } else if (const auto* refused = std::get_if<history::Refused>(&event.what);
               requests_repeat && refused != nullptr &&
               refused->reason == history::Reason::kLockHeld) {
      const auto found = lease_ids.find(operation);
      if (found != lease_ids.end()) excused.insert(found->second);
    } else if (std::holds_alternative<history::ClientStopped>(event.what)) {
      dead.insert(event.client);
    } else if (std::holds_alternative<history::ClientContinued>(event.what)) {
      dead.erase(event.client);
    }
  }
  for (const LeaseSpec& lease : disk_.HeldLeases()) {
    if (lease.expire.has_value()) {
      recorder_.Fail("a lease has outlasted its expire by far: " + lease.lease_id);
    } else if (server_.GrantedInVain(lease.lease_id)) {
      recorder_.Fail("a grant that was never delivered is kept for ever: " + lease.lease_id);
    } else if (!dead.contains(callers[lease.lease_id]) && !excused.contains(lease.lease_id)) {
      recorder_.Fail("a lease was left behind by a client that cleans up: " + lease.lease_id);
    }
  }
}

void Simulation::RecordQuiet() {
  if (!server_.serving()) {
    recorder_.Fail("the server does not serve, long after the last fault");
    return;
  }
  const TableStats stats = server_.stats();
  recorder_.Record(0, 0,
                   history::Quiet{.leases = stats.leases,
                                  .waiters = stats.waiters,
                                  .open_calls = stats.open_calls,
                                  .timers = stats.timers,
                                  .watches = stats.watches,
                                  .file_descriptors = {}});
}

history::Rules Simulation::RulesOfThisRun(Time faults_ended) const {
  history::Rules rules;
  // A stall holds up both ways, and a server notices a cut as late as that.
  rules.network = Faults::kLongestStall + 2 * plan_.network.longest_delay +
                  plan_.server.slowest_commit + plan_.server.slowest_write + milliseconds(50);
  rules.liveness_from = faults_ended + kCalmingDown;
  rules.requests_may_repeat = plan_.network.repeated_requests_permille > 0;
  return rules;
}

}  // namespace

RunResult RunSeed(std::uint64_t seed) { return Simulation(seed).Run(); }

}  // namespace holdfast::simulation
