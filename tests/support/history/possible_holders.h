// When each key may have been held, as the server saw it, and so when it was surely free.
//
// Every lease that may have been granted counts, also one that nobody was told of, from
// when it can first have been granted to when it must have ended: when an answer showed
// that it had, or when a later lease of the key was granted, or its expire and
// Rules::lapse_within after the last sign of its holder that can have reached the server.
// A server that starts anew gives a lease its full expire again; one that goes on after a
// pause waits a little before it lets anything lapse, which lapse_within includes.
//
// This counts on Rules::network, as waits.h does.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_POSSIBLE_HOLDERS_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_POSSIBLE_HOLDERS_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "tests/support/history/digest.h"
#include "tests/support/history/history.h"
#include "tests/support/history/lease_ends.h"

namespace holdfast::history {

// Sets of moments are kept as spans of time that do not touch.
struct Span {
  Time from{};
  Time to{};  // Not included.
};

// In rising order.
using Spans = std::vector<Span>;

// The moments of `spans` that are not in `hole`. Takes time in proportion to spans.
inline Spans Without(const Spans& spans, Span hole) {
  Spans rest;
  for (const Span& span : spans) {
    const Time before = std::min(span.to, hole.from);
    const Time after = std::max(span.from, hole.to);
    if (hole.from >= hole.to || before >= span.to || after <= span.from) {
      rest.push_back(span);  // They do not meet.
      continue;
    }
    if (span.from < before) rest.push_back({.from = span.from, .to = before});
    if (after < span.to) rest.push_back({.from = after, .to = span.to});
  }
  return rest;
}

struct FreeSpan {
  Span span;
  std::size_t because = kNone;  // The event that shows that the last holder was gone.
};

// By the index of the key; of a key, in rising order.
std::vector<std::vector<FreeSpan>> FreeSpansOf(const Digest& digest,
                                               const std::vector<LeaseEnd>& ends);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_POSSIBLE_HOLDERS_H_
