#include "tests/support/history/checker.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "tests/support/history/digest.h"
#include "tests/support/history/invariants.h"

namespace holdfast::history {
namespace {

struct Part {
  Invariant invariant;
  void (*check)(const Evidence& evidence, Report& report);
};

constexpr Part kParts[] = {
    {Invariant::kTokens, CheckTokens},     {Invariant::kExclusion, CheckExclusion},
    {Invariant::kFencing, CheckFencing},   {Invariant::kDurability, CheckDurability},
    {Invariant::kFifo, CheckFifo},         {Invariant::kQuiet, CheckQuiet},
    {Invariant::kLiveness, CheckLiveness}, {Invariant::kNoEarlyLapse, CheckLapse},
};

}  // namespace

std::string Evidence::Describe(std::size_t index) const {
  const LeaseDigest& of = lease(index);
  std::string text = "lease ";
  text.append(of.id).append(" of key ").append(digest.keys()[of.key].name);
  return text;
}

bool Evidence::PredecessorForgotten(std::size_t index) const {
  if (!bounds[index].granted_early) return false;
  const std::size_t predecessor = bounds[index].predecessor;
  return bounds[predecessor].ended_from == kForever ||
         digest.LifeAt(lease(predecessor).told) != digest.LifeAt(lease(index).told);
}

void Report::Add(std::string message, std::vector<std::size_t> events) {
  if (full()) return;
  std::erase(events, kNone);
  std::sort(events.begin(), events.end());
  events.erase(std::unique(events.begin(), events.end()), events.end());
  violations_.push_back(
      {.invariant = invariant_, .message = std::move(message), .events = std::move(events)});
}

std::vector<Violation> Check(const History& history, const Rules& rules) {
  std::vector<Violation> all;
  const Digest digest(history, rules, all);
  if (!all.empty()) return all;
  const Evidence evidence(digest);
  for (const Part& part : kParts) {
    Report report(part.invariant, rules.max_violations);
    part.check(evidence, report);
    std::vector<Violation> found = report.Take();
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace holdfast::history
