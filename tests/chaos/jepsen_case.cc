#include "tests/chaos/jepsen_case.h"

#include <signal.h>

#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/chaos/guarded_registers.h"
#include "tests/support/child_process.h"
#include "tests/support/eventually.h"
#include "tests/support/process_usage.h"
#include "tests/support/runfile.h"
#include "tests/support/server_process.h"
#include "tests/support/stub_client.h"

namespace holdfast::chaos {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << what << '\n';
  std::abort();
}

// Five clients with their lock and their register.
class Group {
 public:
  Group(const std::string& address, std::string key, bool check_tokens,
        const JepsenOptions& options)
      : key_(std::move(key)), registers_({.check_tokens = check_tokens}), server_(address) {
    for (int i = 0; i < kJepsenClients; ++i) {
      absl::StatusOr<std::unique_ptr<ChildProcess>> child = ChildProcess::Start(
          {.argv = {Runfile("tests/chaos/jepsen_client"), address, registers_.path(), key_,
                    std::to_string(i), std::to_string(options.rest.count()),
                    std::to_string(options.seed + static_cast<std::uint64_t>(i))},
           .talk = true});
      if (!child.ok()) Fail(absl::StrCat("jepsen_client: ", child.status().message()));
      clients_.push_back(*std::move(child));
    }
  }

  // Stops whoever holds the lock.
  void Pause() {
    const bool stopped = Eventually([this] { return TryPause(); });
    if (stopped) ++outcome_.pauses;
  }

  void Continue() {
    if (paused_ == nullptr) return;
    if (TokenOf(Holder()) != paused_token_) ++outcome_.past_lease;
    std::exchange(paused_, nullptr)->Signal(SIGCONT);
  }

  JepsenOutcome End() {
    for (const auto& client : clients_) client->WriteLine("stop");
    std::vector<std::string> acknowledged;
    for (const auto& client : clients_) {
      const std::optional<std::string> line = client->ReadLine(kWaitLimit);
      if (!line.has_value()) Fail("a client has not come to its end");
      std::istringstream words(*line);
      std::string word;
      words >> word;
      while (words >> word) acknowledged.push_back(word);
    }
    const GuardedRegisters::Register left = registers_.Get(key_);
    std::set<std::string> there;
    std::istringstream values(left.text);
    for (std::string value; std::getline(values, value, ',');) there.insert(value);
    outcome_.acknowledged = acknowledged.size();
    for (const std::string& value : acknowledged) outcome_.lost += there.contains(value) ? 0 : 1;
    outcome_.refused = left.refused;
    return outcome_;
  }

 private:
  std::optional<v1::Holder> Holder() {
    const Answer<v1::Lock> lock = server_.Get(key_);
    if (!lock.ok() || lock.response.holders().empty()) return std::nullopt;
    return lock.response.holders(0);
  }

  static std::uint64_t TokenOf(const std::optional<v1::Holder>& holder) {
    return holder.has_value() ? holder->fencing_token() : 0;
  }

  // False: nobody held it, or not any more when he was stopped.
  bool TryPause() {
    const std::optional<v1::Holder> holder = Holder();
    if (!holder.has_value()) return false;
    for (int i = 0; i < kJepsenClients; ++i) {
      if (holder->owner() == JepsenOwner(i)) paused_ = clients_[static_cast<std::size_t>(i)].get();
    }
    paused_->Signal(SIGSTOP);
    Eventually([this] { return IsStopped(paused_->pid()); });
    paused_token_ = TokenOf(Holder());
    if (paused_token_ == holder->fencing_token()) return true;
    std::exchange(paused_, nullptr)->Signal(SIGCONT);
    return false;
  }

  const std::string key_;
  GuardedRegisters registers_;
  StubClient server_;
  std::vector<std::unique_ptr<ChildProcess>> clients_;
  ChildProcess* paused_ = nullptr;
  std::uint64_t paused_token_ = 0;
  JepsenOutcome outcome_;
};

void Row(std::ostream& out, const std::string& name, const JepsenOutcome& outcome) {
  const double share = outcome.acknowledged == 0 ? 0
                                                 : 100.0 * static_cast<double>(outcome.lost) /
                                                       static_cast<double>(outcome.acknowledged);
  out << absl::StrFormat("%-28s %12d %6d (%4.1f %%) %8d %7d %11d\n", name, outcome.acknowledged,
                         outcome.lost, share, outcome.refused, outcome.pauses, outcome.past_lease);
}

}  // namespace

JepsenReport RunJepsenCase(const JepsenOptions& options) {
  ServerProcess server;
  if (const absl::Status started = server.Start(); !started.ok()) {
    Fail({started.message().data(), started.message().size()});
  }
  Group lease_checked(server.address(), "lease-checked", /*check_tokens=*/false, options);
  Group token_checked(server.address(), "token-checked", /*check_tokens=*/true, options);
  const Stopwatch watch;
  for (auto next = kJepsenPauseEvery; next + kJepsenPause <= options.time;
       next += kJepsenPauseEvery) {
    LetPass(next - watch.Elapsed());
    lease_checked.Pause();
    token_checked.Pause();
    LetPass(kJepsenPause);
    lease_checked.Continue();
    token_checked.Continue();
  }
  LetPass(options.time - watch.Elapsed());
  return {.lease_checked = lease_checked.End(), .token_checked = token_checked.End()};
}

std::ostream& operator<<(std::ostream& out, const JepsenReport& report) {
  out << "                             acknowledged   lost           refused  pauses  past "
         "lease\n";
  Row(out, "clients check their lease", report.lease_checked);
  Row(out, "the register checks tokens", report.token_checked);
  return out;
}

}  // namespace holdfast::chaos
