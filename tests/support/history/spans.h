// Sets of moments, as spans of time that do not touch. Plain values.

#ifndef HOLDFAST_TESTS_SUPPORT_HISTORY_SPANS_H_
#define HOLDFAST_TESTS_SUPPORT_HISTORY_SPANS_H_

#include <algorithm>
#include <vector>

#include "tests/support/history/history.h"

namespace holdfast::history {

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

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_SPANS_H_
