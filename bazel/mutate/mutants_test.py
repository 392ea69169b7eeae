"""What `./dev mutate` does with mutants once they are found."""

import contextlib
import io
import os
import pathlib
import stat
import tempfile
import time
import unittest

import equivalent
import mutate
import report
import rewrite
import run_tests
import select_tests
import workspace
from mutant import SWITCH, Mutant, Wrap, changed_lines, numbered, sample_order


def _mutant(kind="drop-statement", wraps=(), path="a/b.cc", before="f();", after="", statement=0):
    return Mutant(path, "F", kind, 1, before, after, statement, tuple(wraps))


class MutantTest(unittest.TestCase):
    def test_the_changed_lines_are_whole_and_on_one_line(self):
        text = "one();\n  two(a,  // why\n      b);\nthree();\n"
        start = text.index("a,")
        self.assertEqual(changed_lines(text, [(start, start + 1, "c")]), ("two(a,", "two(c,"))
        span = (text.index("two"), text.index(";\nthree") + 1)
        self.assertEqual(changed_lines(text, [(*span, "")]), ("two(a, b);", ""))

    def test_mutants_that_look_the_same_are_told_apart(self):
        mutants = numbered([_mutant(), _mutant(), _mutant("x")])
        self.assertEqual([mutant.occurrence for mutant in mutants], [0, 1, 0])

    def test_a_sample_depends_on_the_seed_and_on_nothing_else(self):
        mutants = [_mutant(before=f"f({i});", statement=i) for i in range(50)]
        first = sample_order(mutants, 1)[:10]
        self.assertEqual(first, sample_order(list(reversed(mutants)), 1)[:10])
        self.assertNotEqual(first, sample_order(mutants, 2)[:10])
        # One mutant less elsewhere leaves the others where they are.
        fewer = [mutant for mutant in mutants if mutant in first or mutant.statement % 2]
        self.assertEqual(first, sample_order(fewer, 1)[:10])

    def test_a_statement_with_many_mutants_weighs_as_much_as_one_with_one(self):
        mutants = [_mutant(before=f"many({i});", statement=1) for i in range(20)]
        mutants.append(_mutant(before="single();", statement=2))
        first = sum(sample_order(mutants, seed)[0].before == "single();" for seed in range(400))
        self.assertTrue(140 < first < 260, first)


class RewriteTest(unittest.TestCase):
    def _rewrite(self, text, *wraps, path="a.cc"):
        mutants = {i + 1: _mutant(wraps=[w]) for i, w in enumerate(wraps)}
        return rewrite.rewrite(path, text, mutants)

    def test_a_mutant_inside_of_another_stays_inside(self):
        made = self._rewrite("f(a);", Wrap(0, 5, f"[{SWITCH}:", "]"), Wrap(2, 3, f"<{SWITCH}:", ">"))
        self.assertTrue(made.text.endswith("[HOLDFAST_MUTANT(1):f(<HOLDFAST_MUTANT(2):a>);]"))

    def test_what_begins_or_ends_together_is_nested(self):
        made = self._rewrite("a b", Wrap(0, 1, "(", ")"), Wrap(0, 3, "[", "]"), Wrap(2, 3, "{", "}"))
        self.assertTrue(made.text.endswith("[(a) {b}]"))
        made = self._rewrite("ab", Wrap(0, 1, "(", ")"), Wrap(1, 2, "{", "}"))
        self.assertTrue(made.text.endswith("(a){b}"))

    def test_an_error_is_put_down_to_the_mutant_whose_code_it_is_in(self):
        wraps = Wrap(0, 5, "{ ", " }"), Wrap(2, 3, "(x ? 1 : ", ")"), Wrap(8, 9, "(", ")")
        made = self._rewrite("f(a);\ng(b);\n", *wraps)

        def place(offset):
            before = made.text[:offset]
            return before.count("\n") + 1, offset - before.rfind("\n")

        self.assertEqual(rewrite.blamed(made, *place(made.text.index("x ? 1"))), {2})
        self.assertEqual(rewrite.blamed(made, *place(made.text.index("f("))), {1})
        self.assertEqual(rewrite.blamed(made, *place(made.text.index("g("))), {3})
        self.assertEqual(rewrite.blamed(made, 1, 1), {1, 2, 3})

    def test_a_compiler_log_names_the_mutants(self):
        made = self._rewrite("f(a);\n", Wrap(2, 3, "(wrong)(", ")"))
        line = made.text[: made.text.index("(wrong)")].count("\n") + 1
        log = f"INFO: x\na.cc:{line}:4: error: 'wrong' was not declared\nother.cc:1:1: error: no\n"
        self.assertEqual(workspace.wrong_mutants(log, {"a.cc": made}), {1})
        self.assertEqual(workspace.wrong_mutants("other.cc:1:1: error: no\n", {"a.cc": made}), set())
        log = f"other.cc:9:9:   required from here\n./a.cc:{line}:4: error: 'wrong'\n"
        self.assertEqual(workspace.wrong_mutants(log, {"a.cc": made}), {1})
        log = f"/usr/include/x:1:1: error: no\na.cc:{line}:4:   required from here\n"
        self.assertEqual(workspace.wrong_mutants(log, {"a.cc": made}), {1})


class EquivalentTest(unittest.TestCase):
    def test_what_the_report_prints_and_a_reason_is_an_entry(self):
        mutant = _mutant(before="f(); g();", after="g(); f();", kind="swap-statements")
        entry = f"# A comment.\n\n{report.survivor(mutant)}\n= Neither knows\n  of the other.\n"
        entries = equivalent.read(entry)
        self.assertEqual(entries, {mutant.key: "Neither knows of the other."})
        self.assertEqual(equivalent.stale(entries, {mutant.path: [mutant]}), [])

    def test_an_entry_that_fits_nothing_is_stale_if_its_file_was_looked_at(self):
        entries = {_mutant().key: "why"}
        self.assertEqual(equivalent.stale(entries, {"a/b.cc": [_mutant("drop-if")]}), [_mutant().key])
        self.assertEqual(equivalent.stale(entries, {"other.cc": []}), [])

    def test_an_entry_without_a_reason_is_refused(self):
        entry = "a.cc F drop-if\n- f();\n+\n"
        for wrong in (entry, entry + "=\n", "what\n- a\n+ b\n= c\n"):
            with self.assertRaises(ValueError):
                equivalent.read(wrong)

    def test_the_list_can_be_read(self):
        equivalent.read((pathlib.Path(__file__).parent / "equivalent.txt").read_text())


class RunTestsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def _test(self, script, seconds=0.0):
        program = self.folder / "program"
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return run_tests.Test("//a:b", "own tests", program, (), seconds)

    def test_the_mutant_is_switched_on_by_its_number(self):
        test = self._test(
            '[[ $HOLDFAST_MUTANT == 7 ]] || exit 0; echo "[  FAILED  ] Some.Test (1 ms)"; exit 1'
        )
        self.assertTrue(run_tests.run(test, 0, 10).passed)
        outcome = run_tests.run(test, 7, 10)
        self.assertEqual((outcome.passed, outcome.why), (False, "Some.Test"))

    def test_each_run_has_a_folder_of_its_own_that_is_gone_afterwards(self):
        note = self.folder / "note"
        run_tests.run(self._test(f'echo "$TEST_TMPDIR" >>{note}; touch "$TEST_TMPDIR/x"'), 1, 10)
        run_tests.run(self._test(f'echo "$TEST_TMPDIR" >>{note}'), 1, 10)
        first, second = note.read_text().split()
        self.assertNotEqual(first, second)
        self.assertFalse(os.path.exists(first))

    def test_a_crash_and_a_hang_are_no_success_and_leave_nobody_behind(self):
        self.assertEqual(run_tests.run(self._test("kill -SEGV $$"), 1, 10).why, "signal 11")
        note = self.folder / "pid"
        outcome = run_tests.run(self._test(f"sleep 100 & echo $! >{note}; wait"), 1, 0.5)
        self.assertEqual(outcome.why, "timeout")
        stat_file = pathlib.Path(f"/proc/{note.read_text().strip()}/stat")
        while stat_file.exists() and ") Z " not in stat_file.read_text():
            time.sleep(0.01)  # It was told to end; if it does not, this test has a timeout.

    def _try(self, outcomes, seconds):
        tests = [run_tests.Test(f"//a:{i}", "own tests", None, (), seconds) for i in range(3)]
        made = iter(outcomes)
        return run_tests.try_mutant(1, tests, lambda *_: next(made))

    def test_the_first_test_that_fails_kills_and_the_rest_is_not_run(self):
        passed, failed = run_tests.Outcome(True, 0), run_tests.Outcome(False, 0, "x")
        verdict = self._try([passed, failed], seconds=0)
        self.assertEqual((verdict.killed_by.label, len(verdict.ran)), ("//a:1", 2))
        self.assertIsNone(self._try([passed] * 3, seconds=0).killed_by)

    def test_a_slow_test_has_to_fail_twice(self):
        passed, failed = run_tests.Outcome(True, 0), run_tests.Outcome(False, 0, "x")
        self.assertIsNone(self._try([failed, passed, passed, passed], seconds=5).killed_by)
        self.assertEqual(self._try([failed, failed], seconds=5).killed_by.label, "//a:0")


class SelectTestsTest(unittest.TestCase):
    def test_a_test_reaches_what_its_dependencies_depend_on(self):
        rules = {
            "//a:t": (["//a:lib", "//a:t.cc"], {}),
            "//a:lib": (["//b:lib"], {}),
            "//b:lib": (["//b:x.cc"], {}),
        }
        self.assertIn("//b:x.cc", select_tests.reachable("//a:t", rules))
        self.assertNotIn("//a:t.cc", select_tests.reachable("//a:lib", rules))

    def test_a_file_belongs_to_the_nearest_package_above_it(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "a/b/c").mkdir(parents=True)
            (root / "a/BUILD.bazel").touch()
            self.assertEqual(select_tests.package_of(root, "a/b/c/d.h"), "a")


class WorkspaceTest(unittest.TestCase):
    def test_the_copy_is_the_checkout_without_what_bazel_and_git_keep_in_it(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "root")
            copy = workspace.Workspace(root, pathlib.Path(folder, "copy"), "", 1)
            skipped = (".git/HEAD", "bazel-out/z.cc", ".bazelrc.user")
            for name in ("a/x.cc", "a/y.cc", "bazel/b.bzl", *skipped):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(name)
            copy.copy()

            def copied():
                files = (path for path in copy.tree.rglob("*") if path.is_file())
                return {path.relative_to(copy.tree).as_posix() for path in files}

            self.assertEqual(copied(), {"a/x.cc", "a/y.cc", "bazel/b.bzl"})
            untouched = (copy.tree / "a/x.cc").stat().st_mtime_ns
            (copy.tree / "bazel/b.bzl").write_text("with a mutant in it")
            (root / "a/y.cc").unlink()
            copy.copy()
            self.assertEqual(copied(), {"a/x.cc", "bazel/b.bzl"})
            self.assertEqual((copy.tree / "bazel/b.bzl").read_text(), "bazel/b.bzl")
            self.assertEqual((copy.tree / "a/x.cc").stat().st_mtime_ns, untouched)


class DrawTest(unittest.TestCase):
    def setUp(self):
        self.found = {"a/b.cc": [_mutant(before=f"f({i});", statement=i) for i in range(9)]}

    def _draw(self, *arguments, listed=()):
        with contextlib.redirect_stdout(io.StringIO()):
            return mutate.draw(self.found, listed, mutate.parse(arguments))

    def test_all_mutants_without_a_count_and_so_many_with_one(self):
        self.assertEqual(sorted(self._draw()), list(range(1, 10)))
        self.assertEqual(sorted(self._draw("--count", "4")), [1, 2, 3, 4])

    def test_what_is_listed_is_not_drawn(self):
        listed = {mutant.key for mutant in self.found["a/b.cc"][:8]}
        self.assertEqual([m.before for m in self._draw(listed=listed).values()], ["f(8);"])


class ReportTest(unittest.TestCase):
    def test_the_shares_are_of_a_package_and_of_all(self):
        own = run_tests.Test("//a:t", "own tests", None)
        fuzz = run_tests.Test("//f:t", "fuzz corpus", None)
        results = [
            (_mutant(), run_tests.Verdict(own, "", [own])),
            (_mutant(), run_tests.Verdict(None, "", [own, fuzz])),
            (_mutant(path="c/d.cc"), run_tests.Verdict(fuzz, "", [own, fuzz])),
        ]
        table = report.summary(results, ["own tests", "fuzz corpus"])
        lines = [line.split() for line in table.splitlines()]
        self.assertEqual(lines[1], ["a", "2", "1", "(50", "%)", "0", "(0", "%)", "1", "(50", "%)"])
        self.assertEqual(lines[3], ["all", "3", "1", "(33", "%)", "1", "(33", "%)", "2", "(67", "%)"])
        self.assertEqual(report.per_file(results).splitlines()[0], "a/b.cc: 1 of 2 killed: //a:t 1")


if __name__ == "__main__":
    unittest.main()
