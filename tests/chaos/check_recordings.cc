#include "tests/chaos/check_recordings.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tests/chaos/turn_plan.h"
#include "tests/support/eventually.h"
#include "tests/support/history/checker.h"
#include "tests/support/history/history.h"
#include "tests/support/history/history_file.h"
#include "tests/support/history/history_text.h"

namespace holdfast::chaos {
namespace {

template <typename What>
bool Is(const history::Event& event) {
  return std::holds_alternative<What>(event.what);
}

void CountUp(const history::History& history, ScenarioReport& report) {
  using history::AcquireCalled;
  report.events = history.size();
  for (const history::Event& event : history) {
    const bool call = Is<AcquireCalled>(event) || Is<history::RenewCalled>(event) ||
                      Is<history::ReleaseCalled>(event) || Is<history::ForceReleaseCalled>(event) ||
                      Is<history::GetCalled>(event);
    report.operations += call ? 1 : 0;
    report.grants += Is<history::Granted>(event) ? 1 : 0;
    report.unanswered += Is<history::Unanswered>(event) ? 1 : 0;
    report.losses += Is<history::Lost>(event) ? 1 : 0;
  }
}

// Where Bazel keeps what a test leaves behind, or else where temporary files go.
std::string OutputFolder() {
  for (const char* variable : {"TEST_UNDECLARED_OUTPUTS_DIR", "TMPDIR"}) {
    if (const char* folder = std::getenv(variable)) return folder;
  }
  return "/tmp";
}

// Whether a shared lock is free for too long cannot be seen (turn_plan.h).
bool IsUndecided(const history::History& history, const history::Violation& violation) {
  if (violation.invariant != history::Invariant::kLiveness) return false;
  return std::any_of(violation.events.begin(), violation.events.end(), [&](std::size_t event) {
    const auto* called = std::get_if<history::AcquireCalled>(&history[event].what);
    return called != nullptr && IsSharedKey(called->key);
  });
}

std::string Keep(const history::History& history, const std::string& name) {
  const std::string path = absl::StrCat(OutputFolder(), "/holdfast-chaos-", name, ".history");
  std::ofstream out(path);
  for (const history::Event& event : history) out << history::ToText(event) << '\n';
  return path;
}

}  // namespace

void CheckRecordings(const std::vector<std::string>& files, const history::Rules& rules,
                     const std::string& name, ScenarioReport& report) {
  const absl::StatusOr<history::History> read = history::ReadHistory(files);
  if (!read.ok()) {
    report.findings.emplace_back(read.status().message().data(), read.status().message().size());
    return;
  }
  const history::History& history = *read;
  CountUp(history, report);
  const Stopwatch watch;
  const std::vector<history::Violation> violations = history::Check(history, rules);
  report.check_seconds = std::chrono::duration<double>(watch.Elapsed()).count();
  if (violations.empty()) return;

  for (const history::Violation& violation : violations) {
    if (!IsUndecided(history, violation)) {
      report.findings.push_back(history::Explain(history, violation));
    }
  }
  if (report.findings.empty()) return;
  report.findings.push_back("the whole history is in " + Keep(history, name));
}

}  // namespace holdfast::chaos
