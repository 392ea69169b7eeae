"""What a mutant is: one small change of one source file, and how it is named.

A mutant is not applied to a copy of its own. All mutants of a file go into one text, each
behind a switch, so a mutant is a list of wraps: pieces of code to put around a range of the
source, in which SWITCH stands for "this mutant is on" (see rewrite.py).

Files are read as Latin-1, so that an offset into the text is libclang's offset in bytes.
"""

import dataclasses
import hashlib
import re

SWITCH = "@@"


@dataclasses.dataclass(frozen=True)
class Wrap:
    """`prefix` before and `suffix` after the text from `start` up to `end`."""

    start: int
    end: int
    prefix: str
    suffix: str


@dataclasses.dataclass(frozen=True)
class Mutant:
    path: str
    function: str  # the qualified name of the function that it is in
    kind: str
    line: int
    before: str  # the lines that it changes, on one line, and what they become
    after: str
    statement: int  # the offset of the innermost statement around it
    wraps: tuple
    # Which of several of the same key in the file, from 0 on.
    occurrence: int = 0

    @property
    def key(self):
        """What the list of equivalent mutants knows it by: no line numbers, which move."""
        return (self.path, self.function, self.kind, self.before, self.after)


def plain(text):
    """On one line, with single spaces and no comments."""
    return re.sub(r"\s+", " ", re.sub(r"//[^\n]*", "", text)).strip()


def changed_lines(text, replacements):
    """The whole lines around the (start, end, new text)s, before and after, as one line each."""
    start = text.rfind("\n", 0, min(r[0] for r in replacements)) + 1
    end = text.find("\n", max(r[1] for r in replacements))
    end = len(text) if end < 0 else end
    after = text[start:end]
    for first, last, new in sorted(replacements, reverse=True):
        after = after[: first - start] + new + after[last - start :]
    return plain(text[start:end]), plain(after)


def numbered(mutants):
    """The mutants, told apart where several have the same key."""
    seen = {}
    for mutant in mutants:
        occurrence = seen.get(mutant.key, 0)
        seen[mutant.key] = occurrence + 1
        yield dataclasses.replace(mutant, occurrence=occurrence)


def sample_order(mutants, seed):
    """All mutants, in the order in which a sample of this seed takes them.

    Each statement is as likely as every other, however many mutants it has: with u evenly
    spread in (0, 1), taking the largest u ** (1 / weight) first draws by weight without
    putting back. u comes from what a mutant is, so a change elsewhere changes little.
    """
    per_statement = {}
    for mutant in mutants:
        place = (mutant.path, mutant.statement)
        per_statement[place] = per_statement.get(place, 0) + 1

    def rank(mutant):
        name = "\0".join((str(seed), *mutant.key, str(mutant.occurrence)))
        digest = hashlib.sha256(name.encode("latin-1", "replace")).digest()
        u = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 2)
        return u ** per_statement[(mutant.path, mutant.statement)]

    return sorted(mutants, key=rank, reverse=True)
