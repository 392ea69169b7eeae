// The rules of the checker and the exhaustive search, on the same short histories: good
// ones, in which a few answers were then changed at random. Whatever the rules call a
// violation of what a lock is (I4, I8, and I1 on one key), the search must find too: no
// order of the calls explains it. The other way round the search may find more, and what
// it finds is counted.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/history/checker.h"
#include "tests/support/history/history_text.h"
#include "tests/support/history/linearizability.h"
#include "tests/support/history/made_history.h"

namespace holdfast::history {
namespace {

class Spoiler {
 public:
  explicit Spoiler(std::uint64_t seed) : random_(seed) {}

  History Spoil(History history) {
    // Time for leases to lapse in.
    const Duration pause = std::chrono::milliseconds(Below(3'000));
    for (std::size_t i = Below(history.size()); i < history.size(); ++i) history[i].time += pause;
    for (std::size_t changes = 1 + Below(3); changes > 0; --changes) {
      ChangeAnswer(history[Below(history.size())]);
    }
    return history;
  }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }

  std::uint64_t AnyToken() { return 1 + Below(8); }

  void ChangeAnswer(Event& event) {
    const Time until = event.time + std::chrono::seconds(Below(2));
    const bool cut_off = Below(4) == 0;
    if (std::holds_alternative<Granted>(event.what)) {
      event.what = cut_off ? What(Unanswered{}) : What(Granted{AnyToken(), until});
    } else if (std::holds_alternative<Renewed>(event.what)) {
      event.what = cut_off ? What(Unanswered{}) : What(Refused{AnyReason()});
    } else if (std::holds_alternative<Released>(event.what)) {
      event.what = cut_off ? What(Unanswered{}) : What(Refused{AnyReason()});
    } else if (std::holds_alternative<Shown>(event.what)) {
      event.what = Shown{.fencing_token = Below(8)};
    } else if (std::holds_alternative<Forced>(event.what)) {
      event.what = cut_off ? What(Unanswered{}) : What(Refused{Reason::kLockNotHeld});
    } else if (std::holds_alternative<Refused>(event.what)) {
      event.what = cut_off ? What(Unanswered{}) : What(Refused{AnyReason()});
    }
  }

  Reason AnyReason() {
    constexpr Reason kReasons[] = {
        Reason::kLeaseExpired, Reason::kLeaseForced, Reason::kLeaseEnded,  Reason::kLeaseNotFound,
        Reason::kLeaseWaiting, Reason::kLockHeld,    Reason::kWaitTimeout, Reason::kUnavailable};
    return kReasons[Below(std::size(kReasons))];
  }

  std::mt19937_64 random_;
};

// Whether the search must find it as well.
bool IsAboutOrder(const Violation& violation) {
  return violation.invariant == Invariant::kTokens ||
         violation.invariant == Invariant::kDurability ||
         violation.invariant == Invariant::kNoEarlyLapse;
}

std::string Text(const History& history) {
  std::string text;
  for (std::size_t i = 0; i < history.size(); ++i) {
    text += "[" + std::to_string(i) + "] " + ToText(history[i]) + '\n';
  }
  return text;
}

TEST(CrossCheck, WhatBreaksARuleHasNoOrder) {
  int good = 0;
  int both = 0;
  int search_alone = 0;
  for (std::uint64_t seed = 1; seed <= 4'000; ++seed) {
    const History history = Spoiler(seed).Spoil(MakeHistory({.operations = 14,
                                                             .keys = 1,
                                                             .clients_per_key = 3,
                                                             .restarts = seed % 2,
                                                             .expire = std::chrono::seconds(1),
                                                             .seed = seed}));
    const std::vector<Violation> violations = Check(history, {});
    ASSERT_TRUE(violations.empty() || violations.front().invariant != Invariant::kMalformed)
        << "seed " << seed << '\n'
        << Explain(history, violations.front());
    const SearchResult search = CheckLinearizable(history, {}, {.operations = 40});
    if (search.keys_checked == 0) continue;
    const auto broken = std::find_if(violations.begin(), violations.end(), IsAboutOrder);
    if (search.violations.empty()) {
      ASSERT_TRUE(broken == violations.end())
          << "seed " << seed << '\n'
          << Explain(history, *broken) << "and yet there is an order:\n"
          << Text(history);
      ++good;
    } else if (broken != violations.end()) {
      ++both;
    } else {
      ++search_alone;
    }
  }
  std::printf("%d can be put in order, %d cannot and break a rule, %d cannot and break none\n",
              good, both, search_alone);
  EXPECT_GT(good, 500);
  EXPECT_GT(both, 1'500);
}

}  // namespace
}  // namespace holdfast::history
