// holdfast __complete: for the completion scripts of shells.

#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/commands/commands.h"
#include "clients/cli/completion.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/output/report.h"
#include "clients/cli/output/text.h"
#include "clients/cli/server.h"

namespace holdfast::cli {
namespace {

// Somebody has pressed a key and looks at the screen.
constexpr Duration kPatienceOfAPerson = std::chrono::milliseconds(300);

// More than anybody reads.
constexpr unsigned kMaxKeys = 200;

void AddKeys(const std::string& prefix, Candidates& candidates) {
  const auto server =
      Server::Create({.address = candidates.address, .patience = kPatienceOfAPerson});
  if (!server.ok()) return;
  v1::ListRequest request;
  request.mutable_filter()->set_key_prefix(prefix);
  request.set_page_size(kMaxKeys);
  const auto page = (*server)->Call((*server)->locks(), &v1::LockService::Stub::List, request);
  if (!page.ok()) return;
  for (const v1::Lock& lock : page->locks()) {
    // What has to be escaped to be seen would be another key.
    if (Printable(lock.key()) != lock.key()) continue;
    const bool held = lock.holders_size() > 0;
    candidates.words.push_back(
        {lock.key(), held ? "held by " + Printable(lock.holders(0).owner()) : "waited for"});
  }
}

}  // namespace

int Complete(const CompleteOptions& options) {
  Candidates candidates = FindCandidates(options);
  if (candidates.keys) AddKeys(options.words.back(), candidates);
  std::string lines;
  if (candidates.command.has_value()) absl::StrAppend(&lines, "\t", *candidates.command, "\n");
  for (const Candidate& candidate : candidates.words) {
    absl::StrAppend(&lines, candidate.word, "\t", candidate.meaning, "\n");
  }
  return ToInt(Print(lines) ? ExitCode::kOk : ExitCode::kFailed);
}

}  // namespace holdfast::cli
