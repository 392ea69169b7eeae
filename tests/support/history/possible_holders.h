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

#include <cstddef>
#include <vector>

#include "tests/support/history/digest.h"
#include "tests/support/history/lease_ends.h"
#include "tests/support/history/spans.h"

namespace holdfast::history {

struct FreeSpan {
  Span span;
  std::size_t because = kNone;  // The event that shows that the last holder was gone.
};

// By the index of the key; of a key, in rising order.
std::vector<std::vector<FreeSpan>> FreeSpansOf(const Digest& digest,
                                               const std::vector<LeaseEnd>& ends);

}  // namespace holdfast::history

#endif  // HOLDFAST_TESTS_SUPPORT_HISTORY_POSSIBLE_HOLDERS_H_
