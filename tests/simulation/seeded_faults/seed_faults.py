"""Seeds the faults of faults.py in copies of source files.

    seed_faults.py --prefix PREFIX --table OUT (PATH SOURCE COPY)...

Every fault is in every copy, but does nothing until it is switched on by name: see
seeded_fault.h. A piece of code that a fault wants to change and that is not there, exactly
once, is an error: whoever changes the code is told to look after the fault as well.
"""

import re
import sys

import faults

_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def seed_faults(path, text):
    """The text of the file at the path with its faults."""
    for number, fault in enumerate(faults.FAULTS):
        for edit in fault.edits:
            if edit.path != path:
                continue
            if text.count(edit.code) != 1:
                raise ValueError(
                    f"{path}: the fault {fault.name} (faults.py) wants to change this, which is there"
                    f" {text.count(edit.code)} times:\n{edit.code}"
                )
            switch = f"::holdfast::seeded_faults::IsOn({number})"
            text = text.replace(edit.code, re.sub(r"\bON\b", switch, edit.replacement))
    return text


def redirect(text, prefix, copied):
    """The text, including copies where there are copies, and the switch."""
    text = _INCLUDE.sub(
        lambda match: f'#include "{prefix if match.group(1) in copied else ""}{match.group(1)}"',
        text,
    )
    return '#include "tests/simulation/seeded_faults/seeded_fault.h"\n' + text


def table():
    names = "\n".join(f'    "{fault.name}",' for fault in faults.FAULTS)
    return (
        '#include "tests/simulation/seeded_faults/seeded_fault.h"\n\n'
        "namespace holdfast::seeded_faults {\n\n"
        f"const std::vector<std::string> kNames = {{\n{names}\n}};\n\n"
        "}  // namespace holdfast::seeded_faults\n"
    )


def main(arguments):
    _, prefix, _, table_path, *rest = arguments
    files = list(zip(rest[::3], rest[1::3], rest[2::3]))
    copied = {path for path, _, _ in files}
    known = {edit.path for fault in faults.FAULTS for edit in fault.edits}
    if known - copied:
        raise ValueError(f"faults.py changes files that are not copied: {sorted(known - copied)}")
    for path, source, copy in files:
        with open(source, encoding="utf-8") as file:
            text = file.read()
        with open(copy, "w", encoding="utf-8") as file:
            file.write(redirect(seed_faults(path, text), prefix, copied))
    with open(table_path, "w", encoding="utf-8") as file:
        file.write(table())


if __name__ == "__main__":
    main(sys.argv[1:])
