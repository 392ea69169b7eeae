"""What is said about the mutants that were tried."""

import collections
import posixpath


def survivor(mutant, verdict=None):
    """As equivalent.txt takes it, up to the reason."""
    place = f"{mutant.path}:{mutant.line} {mutant.function} {mutant.kind}"
    lines = [place, f"- {mutant.before}", f"+ {mutant.after}"]
    if verdict is not None:
        counts = collections.Counter(test.stage for test in verdict.ran)
        ran = ", ".join(f"{n} {'test' if n == 1 else 'tests'} ({stage})" for stage, n in counts.items())
        lines.append(f"  survived {ran or 'because nothing tests it'}")
    return "\n".join(lines)


def per_file(results):
    """What of each file was killed, and by what."""
    lines = []
    for path in sorted({m.path for m, _ in results}):
        of_file = [v for m, v in results if m.path == path]
        killers = collections.Counter(v.killed_by.label for v in of_file if v.killed_by)
        by = ", ".join(f"{label} {n}" for label, n in killers.most_common())
        killed = sum(killers.values())
        lines.append(f"{path}: {killed} of {len(of_file)} killed{': ' + by if by else ''}")
    return "\n".join(lines)


def summary(results, stages):
    """Per package and in all: how many were killed, in which stage."""
    packages = sorted({posixpath.dirname(m.path) for m, _ in results})
    rows = [["package", "mutants", *(f"by {stage}" for stage in stages), "killed"]]
    for package in packages:
        of_package = [v for m, v in results if posixpath.dirname(m.path) == package]
        rows.append(_row(package, of_package, stages))
    rows.append(_row("all", [v for _, v in results], stages))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
        for row in rows
    )


def _row(name, verdicts, stages):
    by_stage = collections.Counter(v.killed_by.stage for v in verdicts if v.killed_by)
    counts = [*(by_stage[stage] for stage in stages), sum(by_stage.values())]
    shares = [f"{n} ({100 * n / max(len(verdicts), 1):.0f} %)" for n in counts]
    return [name, str(len(verdicts)), *shares]
