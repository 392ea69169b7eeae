#include "tests/chaos/chaos_process.h"

#include <signal.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <utility>

#include "absl/status/statusor.h"
#include "tests/support/eventually.h"
#include "tests/support/history/history.h"
#include "tests/support/process_usage.h"
#include "tests/support/runfile.h"

namespace holdfast::chaos {

ChaosProcess::ChaosProcess(const ChaosProcessOptions& options, Recorder& recorder)
    : options_(options), recorder_(recorder) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> child = ChildProcess::Start({
      .argv = {Runfile("tests/chaos/chaos_client"), options.kind, options.address,
               options.registers, options.history, std::to_string(options.first_client),
               std::to_string(options.workers), std::to_string(options.seed),
               options.survives ? "1" : "0"},
      .talk = true,
  });
  if (!child.ok()) {
    std::cerr << "chaos_client: " << child.status() << '\n';
    std::abort();
  }
  child_ = *std::move(child);
}

template <typename What>
void ChaosProcess::RecordOfAll() {
  for (int i = 0; i < options_.workers; ++i) {
    recorder_.Record(options_.first_client + static_cast<std::uint32_t>(i), What{});
  }
}

void ChaosProcess::Pause() {
  child_->Signal(SIGSTOP);
  Eventually([this] { return IsStopped(child_->pid()); });
  RecordOfAll<history::ClientStopped>();
  paused_ = true;
}

void ChaosProcess::Continue() {
  RecordOfAll<history::ClientContinued>();
  child_->Signal(SIGCONT);
  paused_ = false;
}

void ChaosProcess::Kill9() {
  child_->Signal(SIGKILL);
  child_->WaitForExit(kWaitLimit);
  RecordOfAll<history::ClientStopped>();
  paused_ = false;
}

std::optional<ChaosProcess::Done> ChaosProcess::AwaitDone() {
  const std::string done = "done ";
  while (const std::optional<std::string> line = child_->ReadLine(kWaitLimit)) {
    if (!line->starts_with(done)) continue;
    Done result;
    std::istringstream(line->substr(done.size())) >> result.turns >> result.findings;
    child_->WaitForExit(kWaitLimit);
    return result;
  }
  return std::nullopt;
}

}  // namespace holdfast::chaos
