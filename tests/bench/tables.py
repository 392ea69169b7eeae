"""The results as tables, in plain text or in Markdown."""

import dataclasses

import figures
import measures
import rows
import targets


@dataclasses.dataclass(frozen=True)
class Table:
    title: str
    header: tuple
    lines: tuple  # Of as many texts as the header has.
    note: str = ""


def number(value):
    """To three digits or so, with thousands set off: 0.71, 12.3, 1,234."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _median(results, measure, setting, row, name):
    spread = figures.spread(results.values(measure, setting, row, name).values())
    return number(spread.median) if spread else "-"


def with_spread(spread, unit=""):
    if spread is None:
        return "-"
    if spread.low == spread.high:
        return number(spread.median) + unit
    return f"{number(spread.median)}{unit} ({number(spread.low)}-{number(spread.high)})"


def _over_bare(results, measure, setting, row):
    return with_spread(
        figures.ratio(
            results.values(measure, setting, row, "rate"),
            results.values(measure, setting, "bare", "rate"),
        )
    )


# Measure -> the titles and names of its figures.
_FIGURES = {
    "commit": (
        ("commands/s", "rate"),
        ("over bare", None),
        ("p50 us", "p50_us"),
        ("p99 us", "p99_us"),
        ("log bytes", "log_bytes"),
    ),
    "pairs": (
        ("pairs/s", "rate"),
        ("over bare", None),
        ("p10 us", "p10_us"),
        ("p50 us", "p50_us"),
        ("p99 us", "p99_us"),
        ("p99.9 us", "p999_us"),
        ("server CPU us", "server_cpu_us"),
        ("client CPU us", "client_cpu_us"),
    ),
    "hand-over": (("p50 us", "p50_us"), ("p99 us", "p99_us"), ("hand-overs", "hand_overs")),
    "renewals": (
        ("renewals/s", "rate"),
        ("over bare", None),
        ("p50 us", "p50_us"),
        ("p99 us", "p99_us"),
        ("server CPU us", "server_cpu_us"),
        ("client CPU us", "client_cpu_us"),
    ),
    "renew-all": (
        ("p50 us", "p50_us"),
        ("p99 us", "p99_us"),
        ("server CPU us", "server_cpu_us"),
    ),
    "killed": (("p50 us", "p50_us"), ("max us", "max_us")),
    "python": (
        ("grants/s", "rate"),
        ("p50 us", "p50_us"),
        ("p99 us", "p99_us"),
        ("client CPU us", "client_cpu_us"),
        ("waiting CPU ms/s", "waiting_cpu_ms_per_s"),
        ("spread %", "spread_percent"),
    ),
    "lapse": (
        ("usual p99 us", "usual_p99_us"),
        ("p99 us", "p99_us"),
        ("usual max us", "usual_max_us"),
        ("max us", "max_us"),
    ),
    "idle": (
        ("server CPU ms/s", "server_cpu_ms_per_s"),
        ("switches/s", "switches_per_s"),
        ("bytes a waiter", "bytes_per_waiter"),
    ),
    "held": (
        ("filled at locks/s", "fill_rate"),
        ("bytes a lock", "bytes_per_lock"),
        ("after a start", "bytes_per_lock_after_start"),
        ("start s", "start_s"),
        ("bare reading s", "scan_s"),
    ),
}

_SETTING = {
    "killed": "{}",
    "python": "{} processes",
    "commit": "{} commands in each",
    "pairs": "{} connections x callers on each",
    "hand-over": "{} waiters",
    "renewals": "{} leases",
    "renew-all": "{} leases",
    "lapse": "{} leases",
    "idle": "{} waiters",
    "held": "{} locks",
}


def _of_setting(results, measure, setting):
    lines = []
    for name in results.rows(measure, setting):
        row = rows.BY_NAME[name]
        found = [
            _over_bare(results, measure, setting, name)
            if figure is None
            else _median(results, measure, setting, name, figure)
            for _, figure in _FIGURES[measure]
        ]
        lines.append((name, *found, row.durable, row.ended_ids))
    title = measures.BY_NAME[measure].title + ", " + _SETTING[measure].format(setting)
    header = ("", *(name for name, _ in _FIGURES[measure]), "survives", "ended ids")
    failed = [
        f"{failure['row']}: {failure['why']}"
        for failure in results.failures
        if (failure["measure"], failure["setting"]) == (measure, setting)
    ]
    note = "Not measured: " + "; ".join(failed) + "." if failed else ""
    return Table(title, header, tuple(lines), note)


_FLOOR = (
    ("O_DIRECT write us", "direct_us"),
    ("write and fdatasync us", "fdatasync_us"),
    ("fastest tenth of either us", "best_p10_us"),
    ("bare pair us", "pair_us"),
    ("bare pair on a session us", "session_pair_us"),
)


def _of_floor(results):
    """Medians of what one caller cannot be faster than, beside each measure that has it."""
    lines = []
    for setting in results.settings("floor"):
        found = [_median(results, "floor", setting, "disk", name) for _, name in _FLOOR]
        lines.append((setting, *found))
    header = ("measured beside", *(title for title, _ in _FLOOR))
    return Table("The floor: one durable write of bytes that exist, one pair", header, tuple(lines))


def _of_targets(results):
    lines = []
    for target in targets.TARGETS:
        spread = target.found(results)
        if spread is None:
            continue
        limit = f"{'at least' if target.at_least else 'at most'} {number(target.limit)}"
        found = with_spread(spread, target.unit)
        lines.append((target.what, limit + target.unit, found, target.outcome(spread)))
    return Table("Targets", ("", "target", "found", ""), tuple(lines))


def tables(results):
    """All there are, in the order of the measures; the targets last."""
    found = [
        _of_setting(results, measure.name, setting)
        for measure in measures.MEASURES
        for setting in results.settings(measure.name)
    ]
    found += [_of_floor(results), _of_targets(results)]
    return [table for table in found if table.lines]


def as_text(table):
    lines = [table.header, *table.lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.header))]
    # Names and words to the left, figures to the right.
    numeric = [
        i > 0 and any(line[i][:1].isdigit() for line in table.lines) for i in range(len(widths))
    ]
    out = [table.title]
    for line in lines:
        cells = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric)
        ]
        out.append("  " + "  ".join(cells).rstrip())
    if table.note:
        out.append("  " + table.note)
    return "\n".join(out) + "\n"


def as_markdown(table):
    def line(cells):
        return "| " + " | ".join(cells) + " |"

    out = [f"**{table.title}**", "", line(table.header), line(["---"] * len(table.header))]
    out += [line(cells) for cells in table.lines]
    if table.note:
        out += ["", table.note]
    return "\n".join(out) + "\n"
