"""Medians of repetitions, and ratios between what ran in the same repetition."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some values, with the smallest and the largest."""

    median: float
    low: float
    high: float


def spread(values):
    """The spread of the values; None if there are none."""
    values = list(values)
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def ratio(values, base):
    """The spread of values over base, each divided by that of its own repetition.

    Both are dicts by repetition; what only one of them has is left out. What ran next
    to each other met the same load of the machine, which the quotient of two medians
    would not have.
    """
    return spread(values[r] / base[r] for r in sorted(values) if base.get(r))


class Results:
    """What was measured: one dict of values for each (measure, setting, row, repetition)."""

    def __init__(self, samples=(), failures=()):
        self.samples = list(samples)
        self.failures = list(failures)

    def add(self, measure, setting, row, repetition, values):
        self.samples.append(
            {
                "measure": measure,
                "setting": setting,
                "row": row,
                "repetition": repetition,
                "values": values,
            }
        )

    def fail(self, measure, setting, row, why):
        self.failures.append({"measure": measure, "setting": setting, "row": row, "why": why})

    def values(self, measure, setting, row, name):
        """The values of that name by repetition; empty if there are none."""
        return {
            sample["repetition"]: sample["values"][name]
            for sample in self.samples
            if (sample["measure"], sample["setting"], sample["row"]) == (measure, setting, row)
            and name in sample["values"]
        }

    def settings(self, measure):
        """In the order in which they were measured."""
        return list(dict.fromkeys(s["setting"] for s in self.samples if s["measure"] == measure))

    def rows(self, measure, setting):
        return list(
            dict.fromkeys(
                s["row"]
                for s in self.samples
                if (s["measure"], s["setting"]) == (measure, setting)
            )
        )
