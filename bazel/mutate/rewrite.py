"""Puts all mutants of a file into one text, each behind its switch.

HOLDFAST_MUTANT(n) is true in a process that was started with HOLDFAST_MUTANT=n.
"""

import dataclasses

from mutant import SWITCH

_SWITCH_CODE = """\
#ifndef HOLDFAST_MUTANT
#include <cstdlib>
namespace holdfast_mutants {
inline int Active() noexcept {
  static const int active = [] {
    const char* const value = std::getenv("HOLDFAST_MUTANT");
    return value == nullptr ? 0 : std::atoi(value);
  }();
  return active;
}
}  // namespace holdfast_mutants
#define HOLDFAST_MUTANT(number) (::holdfast_mutants::Active() == (number))
#endif
"""

# What our warnings say about mutants in a header is of no interest to anybody. Those of a
# .cc file are switched off by a flag.
_NO_WARNINGS = "#pragma GCC system_header\n"


@dataclasses.dataclass(frozen=True)
class Piece:
    """Where something of a mutant has come to lie in the text that was made."""

    number: int
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Rewritten:
    text: str
    pieces: list  # the code that was put in
    ranges: list  # what lies within a wrap, its own pieces included


def rewrite(path, text, mutants):
    """The text with `mutants`, which are {number: Mutant}, all of this file."""
    inserted = []  # (offset, sort key, code, number, wrap's index)
    wraps = [(number, wrap) for number, mutant in mutants.items() for wrap in mutant.wraps]
    # Of two wraps that begin together the longer one is the outer one.
    wraps.sort(key=lambda item: (item[1].start, -item[1].end, item[0]))
    for index, (number, wrap) in enumerate(wraps):
        switch = f"HOLDFAST_MUTANT({number})"
        prefix, suffix = (code.replace(SWITCH, switch) for code in (wrap.prefix, wrap.suffix))
        # At one place what ends comes before what begins, and the inner ends first.
        inserted.append((wrap.end, (0, -index), suffix, number, index))
        inserted.append((wrap.start, (1, index), prefix, number, index))
    inserted.sort(key=lambda item: item[:2])

    parts = [_NO_WARNINGS if path.endswith(".h") else "", _SWITCH_CODE]
    length = sum(map(len, parts))
    copied, pieces, begins, ends = 0, [], {}, {}
    for offset, (is_prefix, _), code, number, index in inserted:
        parts += [text[copied:offset], code]
        length += offset - copied
        copied = offset
        pieces.append(Piece(number, length, length + len(code)))
        if is_prefix:
            begins[index] = length
        length += len(code)
        if not is_prefix:
            ends[index] = length
    parts.append(text[copied:])
    ranges = [Piece(wraps[i][0], begins[i], ends[i]) for i in begins]
    return Rewritten("".join(parts), pieces, ranges)


def blamed(rewritten, line, column):
    """The numbers of the mutants that an error at this place is put down to: those whose code it
    is in, or else the innermost around it, or those on its line, or all."""
    starts = [0]
    for text_line in rewritten.text.splitlines(keepends=True):
        starts.append(starts[-1] + len(text_line))
    line = min(line, len(starts) - 1)
    offset = starts[line - 1] + max(column - 1, 0)
    found = {p.number for p in rewritten.pieces if p.start <= offset < p.end}
    if not found:
        around = [r for r in rewritten.ranges if r.start <= offset < r.end]
        smallest = min((r.end - r.start for r in around), default=0)
        found = {r.number for r in around if r.end - r.start == smallest}
    if not found:
        first, last = starts[line - 1], starts[line]
        found = {p.number for p in rewritten.pieces if p.start < last and p.end > first}
    return found or {p.number for p in rewritten.pieces}
