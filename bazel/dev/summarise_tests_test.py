"""What `./dev test` counts, and above all what it must not overlook."""

import pathlib
import tempfile
import unittest

import summarise_tests

_GTEST = """<testsuites><testsuite>
<testcase name="Passes" status="run" result="completed"/>
<testcase name="Fails" status="run" result="completed"><failure message="no"/></testcase>
<testcase name="Skips" status="run" result="skipped"><skipped message="later"/></testcase>
<testcase name="DISABLED_One" status="notrun" result="suppressed"/>
</testsuite></testsuites>"""

_ONE_PASSED = '<testsuites><testsuite><testcase name="a"/></testsuite></testsuites>'


def _result(label, status, xml_path=""):
    outputs = [{"name": "test.xml", "uri": f"file://{xml_path}"}] if xml_path else []
    return {
        "id": {"testResult": {"label": label, "run": 1, "shard": 1}},
        "testResult": {"status": status, "testActionOutput": outputs},
    }


def _completed(label, success):
    return {
        "id": {"targetCompleted": {"label": label}},
        "completed": {"success": True} if success else {},
    }


class SummariseTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def xml(self, content):
        path = self.folder / "test.xml"
        path.write_text(content)
        return path

    def test_counts_the_cases_of_a_report(self):
        figures = summarise_tests.count_cases(self.xml(_GTEST))
        self.assertEqual(str(figures), "1 passed, 1 failed, 2 skipped")

    def test_tells_what_was_skipped_and_why(self):
        events = [_result("//a:t", "PASSED", self.xml(_GTEST))]
        figures, _ = summarise_tests.summarise(events, 0)
        self.assertEqual(figures.skips, ["//a:t  Skips: later"])

    def test_without_skipped_cases_the_line_does_not_mention_them(self):
        events = [_result("//a:t", "PASSED", self.xml(_ONE_PASSED))]
        figures, failures = summarise_tests.summarise(events, 0)
        self.assertEqual(str(figures), "1 passed, 0 failed")
        self.assertEqual(failures, [])

    def test_a_crash_without_a_report_is_one_failure(self):
        figures, failures = summarise_tests.summarise([_result("//a:t", "FAILED")], 3)
        self.assertEqual(figures.failed, 1)
        self.assertEqual(len(failures), 1)

    def test_a_timeout_whose_report_shows_no_failure_is_one_failure(self):
        events = [_result("//a:t", "TIMEOUT", self.xml(_ONE_PASSED))]
        self.assertEqual(summarise_tests.summarise(events, 3)[0].failed, 1)

    def test_only_the_last_attempt_counts(self):
        events = [_result("//a:t", "FAILED"), _result("//a:t", "PASSED", self.xml(_ONE_PASSED))]
        self.assertEqual(str(summarise_tests.summarise(events, 0)[0]), "1 passed, 0 failed")

    def test_a_target_that_does_not_build_is_one_failure(self):
        events = [_completed("//a:good", True), _completed("//a:bad", False)]
        figures, failures = summarise_tests.summarise(events, 1)
        self.assertEqual(figures.failed, 1)
        self.assertIn("//a:bad", failures[0])

    def test_an_error_of_bazel_itself_is_one_failure(self):
        self.assertEqual(summarise_tests.summarise([], 2)[0].failed, 1)

    def test_no_tests_among_the_targets_is_no_failure(self):
        self.assertEqual(summarise_tests.summarise([], 4)[0].failed, 0)


if __name__ == "__main__":
    unittest.main()
