"""What is counted, shown and understood, without a server."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest
import xml.dom.minidom

import bench
import figures
import machine
import measures
import picture
import rows
import servers
import tables
import targets


def _results(rates, setting="4x16"):
    """Of pairs: row -> the rate in each repetition."""
    results = figures.Results()
    for row, values in rates.items():
        for repetition, rate in enumerate(values):
            results.add("pairs", setting, row, repetition, {"rate": rate})
    return results


def _refused(arguments):
    """What is said of arguments that are refused."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        try:
            bench.parse(arguments)
        except SystemExit as left:
            return errors.getvalue() if left.code == 2 else None
    return None


class FiguresTest(unittest.TestCase):
    def test_a_spread_is_the_median_between_the_smallest_and_the_largest(self):
        self.assertEqual(figures.spread([5, 1, 3]), figures.Spread(3, 1, 5))
        self.assertEqual(figures.spread([4, 1]), figures.Spread(2.5, 1, 4))
        self.assertIsNone(figures.spread([]))

    def test_a_ratio_divides_within_each_repetition(self):
        # The machine was half as fast in the second: that is no difference between the two.
        self.assertEqual(
            figures.ratio({0: 50, 1: 25, 2: 60}, {0: 100, 1: 50, 2: 100}),
            figures.Spread(0.5, 0.5, 0.6),
        )

    def test_a_repetition_that_one_side_lacks_is_left_out(self):
        self.assertEqual(figures.ratio({0: 1, 1: 9}, {0: 2}), figures.Spread(0.5, 0.5, 0.5))
        self.assertIsNone(figures.ratio({0: 1}, {}))
        self.assertIsNone(figures.ratio({0: 1}, {0: 0}))

    def test_results_are_found_by_what_they_are_of(self):
        results = _results({"bare": [1, 2], "flock": [3]})
        self.assertEqual(results.values("pairs", "4x16", "bare", "rate"), {0: 1, 1: 2})
        self.assertEqual(results.values("pairs", "1x1", "bare", "rate"), {})
        self.assertEqual(results.values("pairs", "4x16", "bare", "p50_us"), {})
        self.assertEqual(results.rows("pairs", "4x16"), ["bare", "flock"])
        self.assertEqual(results.settings("pairs"), ["4x16"])


class TablesTest(unittest.TestCase):
    def test_a_number_has_the_digits_that_can_be_meant(self):
        self.assertEqual(tables.number(0.712), "0.71")
        self.assertEqual(tables.number(12.34), "12.3")
        self.assertEqual(tables.number(1234.4), "1,234")

    def test_each_row_says_its_ratio_to_bare_and_how_durable_it_is(self):
        (table, *_) = tables.tables(_results({"bare": [100, 200], "holdfast-sync": [50, 150]}))
        lines = {line[0]: line for line in table.lines}
        self.assertIn("4x16", table.title)
        self.assertEqual(lines["holdfast-sync"][1], "100")
        self.assertEqual(lines["holdfast-sync"][2], "0.62 (0.50-0.75)")
        self.assertEqual(lines["holdfast-sync"][-2:], ("power loss", "5 min, stored"))
        self.assertEqual(lines["bare"][2], "1.00")
        self.assertEqual(lines["bare"][3], "-")

    def test_columns_line_up(self):
        table = tables.Table("T", ("", "n"), (("a", "1"), ("long", "1,000")))
        self.assertEqual(tables.as_text(table), "T\n            n\n  a         1\n  long  1,000\n")

    def test_markdown_has_a_line_of_dashes(self):
        table = tables.Table("T", ("", "n"), (("a", "1"),), "A note.")
        self.assertEqual(
            tables.as_markdown(table), "**T**\n\n|  | n |\n| --- | --- |\n| a | 1 |\n\nA note.\n"
        )

    def test_what_has_failed_is_said(self):
        results = _results({"bare": [1]})
        results.fail("pairs", "4x16", "flock", "no disk")
        self.assertEqual(tables.tables(results)[0].note, "Not measured: flock: no disk.")

    def test_every_measure_has_a_table(self):
        for measure in measures.MEASURES:
            results = figures.Results()
            setting = measure.settings(measures.QUICK)[0]
            results.add(measure.name, setting, "holdfast-process", 0, {"rate": 1})
            self.assertIn(measure.title, tables.as_text(tables.tables(results)[0]))


class TargetsTest(unittest.TestCase):
    def _outcomes(self, results):
        found = tables.tables(results)[-1]
        return {line[0]: line[-1] for line in found.lines} if found.title == "Targets" else {}

    def test_a_target_is_met_by_its_limit(self):
        met = self._outcomes(_results({"bare": [100], "holdfast-process": [75]}))
        self.assertEqual(met["64 callers, process: pairs/s over bare"], "met")
        missed = self._outcomes(_results({"bare": [100], "holdfast-process": [74]}))
        self.assertEqual(missed["64 callers, process: pairs/s over bare"], "missed")

    def test_a_target_that_some_repetitions_meet_is_neither(self):
        rates = {"bare": [100, 100, 100], "holdfast-process": [90, 80, 70]}
        outcomes = self._outcomes(_results(rates))
        self.assertEqual(outcomes["64 callers, process: pairs/s over bare"], "unclear")

    def test_a_target_of_what_was_not_measured_is_left_out(self):
        self.assertEqual(self._outcomes(_results({"bare": [100]})), {})

    def test_the_floor_of_one_caller_is_a_bare_pair_and_two_writes(self):
        results = figures.Results()
        results.add("pairs", "1x1", "holdfast-sync", 0, {"p50_us": 600})
        results.add("floor", "pairs 1x1", "disk", 0, {"best_us": 100, "pair_us": 200})
        (target,) = [t for t in targets.TARGETS if t.what.startswith("1 caller, sync: p50")]
        self.assertEqual(target.found(results).median, 1.5)
        self.assertEqual(target.outcome(target.found(results)), "missed")


class EarlierRunsTest(unittest.TestCase):
    def test_they_are_shown_together(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for name, rate in (("a", 1), ("b", 3)):
                run = {
                    "machine": {"when": name},
                    "samples": _results({name: [rate]}).samples,
                    "failures": [],
                }
                paths.append(pathlib.Path(folder, name))
                paths[-1].write_text(json.dumps(run))
            results, described = bench.read(paths)
        self.assertEqual(results.rows("pairs", "4x16"), ["a", "b"])
        self.assertEqual(described["when"], "a")


class PictureTest(unittest.TestCase):
    def test_it_is_xml_with_a_bar_for_each_row(self):
        text = picture.svg(_results({"bare": [2, 4], "flock": [3, 3]}), "a < b")
        document = xml.dom.minidom.parseString(text)
        bars = [
            rect
            for rect in document.getElementsByTagName("rect")
            if rect.getAttribute("height") != "100%"
        ]
        self.assertEqual(len(bars), 2)
        self.assertEqual(bars[0].getAttribute("width"), bars[1].getAttribute("width"))


class OptionsTest(unittest.TestCase):
    def test_what_is_not_said_is_as_usual(self):
        self.assertEqual(bench.effort_of(bench.parse([])), measures.Effort())
        self.assertEqual(bench.effort_of(bench.parse(["--quick"])), measures.QUICK)

    def test_what_is_said_replaces_it(self):
        arguments = ["--quick", "--shapes=1x1,2x8", "--waiters=5", "--seconds=0.25"]
        effort = bench.effort_of(bench.parse(arguments))
        self.assertEqual(effort.shapes, ("1x1", "2x8"))
        self.assertEqual(effort.waiters, (5,))
        self.assertEqual(effort.seconds, 0.25)
        self.assertEqual(effort.repetitions, measures.QUICK.repetitions)

    def test_wrong_words_are_named(self):
        self.assertIn("sloth", _refused(["--rows=bare,sloth"]))
        self.assertIn("sloth", _refused(["--measures=sloth"]))
        self.assertIn("4by4", _refused(["--shapes=4by4"]))
        self.assertIn("0x4", _refused(["--shapes=0x4"]))
        self.assertIn("many", _refused(["--waiters=many"]))
        self.assertIn("--seconds", _refused(["--seconds=0"]))

    def test_rows_and_measures_are_chosen_by_name(self):
        options = bench.parse(["--rows=flock,bare", "--measures=pairs"])
        self.assertEqual(options.rows, ["flock", "bare"])
        self.assertEqual(options.measures, ["pairs"])


class RowsTest(unittest.TestCase):
    def test_every_row_has_a_recipe_and_says_what_it_promises(self):
        for row in rows.ROWS:
            self.assertIn(row.server, servers.RECIPES)
            self.assertTrue(row.durable and row.ended_ids, row.name)

    def test_a_service_that_is_not_there_is_missing(self):
        absent = servers.Recipe(None, "p", ("/nowhere/at-all",))
        self.assertEqual(absent.missing(), ["/nowhere/at-all"])
        self.assertEqual(servers.Recipe(None, "p", ("sh", "/")).missing(), [])

    def test_no_row_is_given_more_than_it_takes(self):
        (pairs,) = [m for m in measures.MEASURES if m.name == "pairs"]
        self.assertTrue(pairs.takes_part(rows.BY_NAME["flock"], "4x4"))
        self.assertFalse(pairs.takes_part(rows.BY_NAME["flock"], "4x16"))
        (hand_over,) = [m for m in measures.MEASURES if m.name == "hand-over"]
        self.assertFalse(hand_over.takes_part(rows.BY_NAME["redis-always"], "1"))


class MachineTest(unittest.TestCase):
    def test_the_load_of_the_machine_is_told(self):
        described = {**machine.describe("/tmp", []), "load_before": 1.25, "load_after": 3.5}
        self.assertIn("1.2 before and 3.5 after", machine.as_text(described))


if __name__ == "__main__":
    unittest.main()
