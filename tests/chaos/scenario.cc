#include "tests/chaos/scenario.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/chaos/check_recordings.h"
#include "tests/chaos/cutting_proxy.h"
#include "tests/chaos/fleet.h"
#include "tests/chaos/guarded_registers.h"
#include "tests/chaos/recorder.h"
#include "tests/chaos/replaying_proxy.h"
#include "tests/chaos/turn_plan.h"
#include "tests/support/eventually.h"
#include "tests/support/history/history.h"
#include "tests/support/history/rules.h"
#include "tests/support/process_usage.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast::chaos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long the server keeps a place or a grant for a client that has gone. Short, so
// that a run is over soon after its last client.
constexpr char kReattachWindow[] = "--reattach-window=1s";

// When everything that clients have left behind must have gone: a lease that began
// with the last restart, a place, and half a second in which a server that was paused
// listens first; and then some for a busy machine.
constexpr milliseconds kUntilQuiet = kLongestExpire + seconds(5);

class Scenario {
 public:
  explicit Scenario(const ScenarioOptions& options)
      : options_(options),
        random_(options.seed),
        recorder_(folder_.path() + "/history-0"),
        registers_({.recorder = &recorder_}),
        server_({.flags = {kReattachWindow, "--log-level=warning"}}) {}

  ScenarioReport Run() {
    const Stopwatch watch;
    if (!StartServer()) return report_;
    MakeProxy();
    Fleet fleet = MakeFleet(address_);
    fleet.Start();
    for (int cycle = 0; cycle < options_.cycles; ++cycle) {
      if (!Cycle(fleet)) return report_;
    }
    EndFaults();
    fleet.Stop(report_.findings);
    if (replaying_ != nullptr) replaying_->Finish();
    TakeIn(fleet);
    if (options_.way == Way::kDirect && !CountDescriptors()) return report_;
    RecordQuiet();
    report_.seconds = std::chrono::duration<double>(watch.Elapsed()).count();
    DescribeProxy();
    report_.writes = registers_.written();
    report_.refused = registers_.refused();
    CheckRecordings(files_, MakeRules(), absl::StrCat(ToString(options_.way), "-", options_.seed),
                    report_);
    return report_;
  }

 private:
  int Between(int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random_);
  }
  milliseconds Span(int least_ms, int most_ms) { return milliseconds(Between(least_ms, most_ms)); }
  bool Chance(int percent) { return Between(1, 100) <= percent; }

  // What may happen in a cycle beside the death of the server, where clients die too.
  bool ClientsDie() const { return options_.way == Way::kDirect; }

  void MakeProxy() {
    address_ = server_.address();
    if (options_.way == Way::kCutting) {
      cutting_ = std::make_unique<CuttingProxy>(address_, options_.seed);
      address_ = cutting_->address();
    } else if (options_.way == Way::kReplaying) {
      replaying_ = std::make_unique<ReplayingProxy>(address_, options_.seed);
      address_ = replaying_->address();
    }
  }

  Fleet MakeFleet(const std::string& address) {
    return Fleet({.address = address,
                  .registers = registers_.path(),
                  .folder = folder_.path(),
                  .first_client = next_client_,
                  .seed = random_(),
                  .survives = !ClientsDie()},
                 recorder_);
  }

  void TakeIn(const Fleet& fleet) {
    files_.insert(files_.end(), fleet.histories().begin(), fleet.histories().end());
    next_client_ = fleet.next_client();
    report_.client_kills += fleet.kills();
    report_.client_pauses += fleet.pauses();
  }

  // False: it does not serve any more.
  bool StartServer() {
    const absl::Status started = server_.Start();
    if (!started.ok()) {
      report_.findings.emplace_back(started.message().data(), started.message().size());
      return false;
    }
    recorder_.Record(0, history::ServerStarted{});
    if (replaying_ != nullptr) replaying_->answers().OnServerChange();
    return true;
  }

  void PauseServer(milliseconds time) {
    server_.Signal(SIGSTOP);
    Eventually([this] { return IsStopped(server_.pid()); });
    recorder_.Record(0, history::ServerStopped{});
    ++report_.server_pauses;
    LetPass(time);
  }

  void ContinueServer() {
    server_.Signal(SIGCONT);
    recorder_.Record(0, history::ServerStarted{.continued = true});
  }

  void KillServer() {
    if (replaying_ != nullptr) replaying_->answers().OnServerChange();
    server_.Kill9();
    recorder_.Record(0, history::ServerStopped{});
    ++report_.server_kills;
  }

  // As for a new version of it. False: it does not serve any more.
  bool RestartServerInGoodOrder() {
    if (replaying_ != nullptr) replaying_->answers().OnServerChange();
    const std::optional<ExitStatus> end = server_.Terminate(kWaitLimit);
    recorder_.Record(0, history::ServerStopped{});
    ++report_.server_restarts;
    if (end == ExitStatus{.code = 0}) return StartServer();
    report_.findings.push_back("the server has not ended well after SIGTERM; its log:\n" +
                               server_.Log());
    return false;
  }

  bool Cycle(Fleet& fleet) {
    // Long enough, behind a proxy, for that to do its own harm.
    LetPass(options_.way == Way::kDirect ? Span(100, 600) : Span(300, 1500));
    fleet.ContinueDue();
    if (Chance(25)) fleet.PauseOne(Span(300, 3000));
    if (ClientsDie() && Chance(15)) fleet.KillOne();
    if (Chance(5) && !RestartServerInGoodOrder()) return false;
    if (Chance(20)) {
      PauseServer(Chance(70) ? Span(10, 300) : Span(300, 2000));
      // Now and then it is killed while it is paused.
      if (Chance(80)) {
        ContinueServer();
        LetPass(Span(0, 300));
      }
    }
    KillServer();
    if (Chance(30)) LetPass(Span(0, 600));
    return StartServer();
  }

  void EndFaults() {
    // The clients' last turns are as hard as all the others.
    LetPass(milliseconds(300));
    if (cutting_ != nullptr) cutting_->BecomeHarmless();
  }

  // Another fleet, smaller only in its time, leaves the server with as many open files
  // as it had before.
  bool CountDescriptors() {
    KillServer();
    if (!StartServer()) return false;
    const int before = FewestOpenFiles();
    Fleet fleet = MakeFleet(server_.address());
    fleet.Start();
    for (int i = 0; i < 3; ++i) {
      LetPass(milliseconds(300));
      fleet.KillOne();
    }
    fleet.Stop(report_.findings);
    TakeIn(fleet);
    Eventually([&] { return OpenFiles(server_.pid()) <= before; }, kUntilQuiet);
    files_left_ = OpenFiles(server_.pid()) - before;
    return true;
  }

  // Once those who asked for its health have gone.
  int FewestOpenFiles() {
    int fewest = OpenFiles(server_.pid());
    for (int i = 0; i < 20; ++i) {
      LetPass(milliseconds(10));
      fewest = std::min(fewest, OpenFiles(server_.pid()));
    }
    return fewest;
  }

  void RecordQuiet() {
    StubClient client(server_.address());
    std::uint64_t leases = 0;
    std::uint64_t waiters = 0;
    Eventually(
        [&] {
          const Answer<std::vector<v1::Lock>> left = client.ListAll();
          leases = waiters = 0;
          for (const v1::Lock& lock : left.response) {
            leases += static_cast<std::uint64_t>(lock.holders_size());
            waiters += lock.queue_length();
          }
          return left.ok() && leases == 0 && waiters == 0;
        },
        kUntilQuiet);
    recorder_.Record(
        0, history::Quiet{.leases = leases, .waiters = waiters, .file_descriptors = files_left_});
  }

  history::Rules MakeRules() const {
    history::Rules rules;
    // Thirteen clients, a server and this process share the machine's processors.
    rules.network = milliseconds(500);
    if (options_.way == Way::kCutting) rules.network = seconds(1);
    if (options_.way == Way::kReplaying) {
      rules.network = seconds(2);
      rules.requests_may_repeat = true;
    }
    return rules;
  }

  void DescribeProxy() {
    if (cutting_ != nullptr) {
      const CuttingProxy::Figures figures = cutting_->figures();
      report_.proxy = absl::StrCat(figures.connections, " connections, ", figures.cut, " cut, ",
                                   figures.swallowed_bytes, " bytes of answers swallowed");
    }
    if (replaying_ == nullptr) return;
    const ReplayingProxy::Figures figures = replaying_->figures();
    report_.proxy = absl::StrCat(figures.calls, " calls, ", figures.requests_lost, " requests and ",
                                 figures.answers_lost, " answers lost, ", figures.repeated,
                                 " repeated, ", figures.late, " late, ", figures.streams_cut,
                                 " streams cut, ", figures.grants_lost, " grants lost");
    for (const std::string& finding : replaying_->answers().findings()) {
      report_.findings.push_back(finding);
    }
  }

  const ScenarioOptions options_;
  std::mt19937_64 random_;
  const TempDir folder_;
  Recorder recorder_;
  GuardedRegisters registers_;
  ServerProcess server_;
  std::string address_;
  std::unique_ptr<CuttingProxy> cutting_;
  std::unique_ptr<ReplayingProxy> replaying_;
  std::vector<std::string> files_ = {folder_.path() + "/history-0"};
  std::uint32_t next_client_ = 1;
  std::optional<std::int64_t> files_left_;
  ScenarioReport report_;
};

}  // namespace

std::string ToString(Way way) {
  switch (way) {
    case Way::kDirect:
      return "direct";
    case Way::kCutting:
      return "cutting";
    case Way::kReplaying:
      return "replaying";
  }
  return "?";
}

ScenarioReport RunScenario(const ScenarioOptions& options) { return Scenario(options).Run(); }

std::ostream& operator<<(std::ostream& out, const ScenarioReport& report) {
  out << report.server_kills << " kills, " << report.server_pauses << " pauses and "
      << report.server_restarts << " orderly restarts of the server; " << report.client_kills
      << " kills and " << report.client_pauses << " pauses of clients\n";
  if (!report.proxy.empty()) out << "proxy: " << report.proxy << '\n';
  out << report.events << " events, " << report.operations << " operations, " << report.grants
      << " grants checked; " << report.unanswered << " calls unanswered, " << report.losses
      << " leases lost; " << report.writes << " writes accepted, " << report.refused << " refused\n"
      << "it took " << report.seconds << " s, and checking it " << report.check_seconds << " s\n";
  for (const std::string& finding : report.findings) out << "FOUND: " << finding << '\n';
  return out;
}

}  // namespace holdfast::chaos
