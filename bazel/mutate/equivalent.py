"""The list of mutants that change nothing: equivalent.txt, beside this file.

An entry is what the report prints of a survivor, and the reason:

    services/lock/engine/lock_table.cc LockTable::EndLease swap-statements
    - timers_.Cancel(lease.lapse); timers_.Cancel(lease.undelivered);
    + timers_.Cancel(lease.undelivered); timers_.Cancel(lease.lapse);
    = The two timers do not know of each other.

There is no line number in it, so it holds for as long as the function has that line. An entry
that fits no mutant any more is an error: the code has changed, and the reason with it.
"""

import re

_HEADER = re.compile(r"(\S+?)(?::\d+)?\s+(\S.*?)\s+([\w-]+)$")


def read(text):
    """{mutant key: reason}. Raises ValueError for what is not an entry."""
    entries = {}
    for block in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        lines = [line.strip() for line in block.strip().splitlines()]
        if not lines:
            continue
        header = _HEADER.match(lines[0])
        marks = [line[:1] for line in lines[1:]]
        if not header or marks[:3] != ["-", "+", "="] or not lines[3][1:].strip():
            raise ValueError(f"not an entry (header, - before, + after, = reason):\n{block.strip()}")
        reason = " ".join([lines[3][1:].strip(), *lines[4:]])
        entries[(*header.groups(), lines[1][1:].strip(), lines[2][1:].strip())] = reason
    return entries


def stale(entries, found):
    """The keys of the entries about files of `found`, {path: mutants}, that fit none of them."""
    known = {mutant.key for mutants in found.values() for mutant in mutants}
    return [key for key in entries if key[0] in found and key not in known]
