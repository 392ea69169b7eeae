// The checker on histories that nobody wrote by hand: it must find nothing in good ones,
// of any length, and the one thing that was changed in others.

#include "tests/support/history/made_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>

#include "tests/support/history/checker.h"
#include "tests/support/history/history_text.h"
#include "tests/support/history/linearizability.h"

namespace holdfast::history {
namespace {

std::string Explained(const History& history, const std::vector<Violation>& violations) {
  std::string all;
  for (const Violation& violation : violations) all += Explain(history, violation);
  return all;
}

bool Has(const std::vector<Violation>& violations, Invariant invariant) {
  return std::any_of(violations.begin(), violations.end(),
                     [&](const Violation& v) { return v.invariant == invariant; });
}

TEST(MadeHistories, KeepTheInvariants) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const History history = MakeHistory({.operations = 500, .keys = 3, .seed = seed});
    EXPECT_EQ(Explained(history, Check(history, {})), "") << "seed " << seed;
  }
}

TEST(MadeHistories, CanBePutInOrder) {
  std::size_t steps = 0;
  std::size_t keys = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const History history =
        MakeHistory({.operations = 60, .keys = 4, .clients_per_key = 4, .seed = seed});
    const SearchResult result = CheckLinearizable(history, {}, {.operations = 40});
    EXPECT_EQ(Explained(history, result.violations), "") << "seed " << seed;
    EXPECT_EQ(result.keys_given_up, 0U);
    steps += result.steps;
    keys += result.keys_checked;
  }
  EXPECT_GT(keys, 700U);
  std::printf("%zu keys in %zu steps\n", keys, steps);
}

// Changes one event of a good history, and expects the invariant to be found broken.
template <typename T, typename F>
void ExpectFound(Invariant invariant, F change) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    History history = MakeHistory({.operations = 500, .keys = 3, .seed = seed});
    std::mt19937_64 random(seed);
    std::vector<std::size_t> candidates;
    for (std::size_t i = history.size() / 4; i < history.size(); ++i) {
      if (std::holds_alternative<T>(history[i].what)) candidates.push_back(i);
    }
    ASSERT_FALSE(candidates.empty());
    const std::size_t chosen = candidates[random() % candidates.size()];
    change(history, chosen);
    if (Has(Check(history, {}), invariant)) ++found;
  }
  EXPECT_EQ(found, 20) << Name(invariant);
}

TEST(MadeHistories, WithATokenThatWentBackBreakI1) {
  ExpectFound<Granted>(Invariant::kTokens, [](History& history, std::size_t event) {
    std::get<Granted>(history[event].what).fencing_token = 1;
  });
}

TEST(MadeHistories, WithARenewalOfAReleasedLeaseBreakI4) {
  ExpectFound<Released>(Invariant::kDurability, [](History& history, std::size_t event) {
    // Whose release was answered, by its call.
    const Event released = history[event];
    const auto call = std::find_if(history.begin(), history.end(), [&](const Event& e) {
      return e.client == released.client && e.operation == released.operation;
    });
    const auto& release = std::get<ReleaseCalled>(call->what);
    const Event end = history.back();
    history.push_back({.time = end.time,
                       .client = 99,
                       .operation = 1,
                       .what = RenewCalled{.key = release.key, .lease_id = release.lease_id}});
    history.push_back(
        {.time = end.time, .client = 99, .operation = 1, .what = Refused{Reason::kLeaseNotFound}});
  });
}

TEST(MadeHistories, WithALeaseThatExpiredBreakI8) {
  ExpectFound<Renewed>(Invariant::kNoEarlyLapse, [](History& history, std::size_t event) {
    history[event].what = Refused{Reason::kLeaseExpired};
  });
}

}  // namespace
}  // namespace holdfast::history
