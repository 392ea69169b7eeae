"""Each house rule finds what it forbids and leaves alone what it does not."""

import unittest

import house_rules


def _code(path, text):
    return list(house_rules.code_findings(path, text))


class HouseRulesTest(unittest.TestCase):
    def test_length_at_the_limit_and_one_more(self):
        self.assertEqual(_code("services/a.cc", "x\n" * 450), [])
        self.assertEqual(len(_code("services/a.cc", "x\n" * 451)), 1)

    def test_clock_only_where_time_is_the_subject(self):
        read = "auto now = std::chrono::steady_clock::now();\n"
        self.assertEqual(len(_code("services/lock/engine/lock_engine.cc", read)), 1)
        self.assertEqual(len(_code("clients/cpp/src/lock.cc", "absl::SleepFor(d);\n")), 1)
        self.assertEqual(_code("services/common/clock.cc", read), [])
        self.assertEqual(_code("clients/cpp/src/clock.cc", read), [])
        self.assertEqual(_code("tests/support/wait.h", read), [])
        self.assertEqual(list(house_rules.code_findings("services/a.cc", read, True)), [])

    def test_clock_in_a_comment_is_no_reading(self):
        self.assertEqual(_code("services/lock/engine/a.cc", "// unlike absl::Now\n"), [])

    def test_todo_says_what_it_waits_for(self):
        word = "TO" + "DO"
        self.assertEqual(len(_code("services/a.cc", f"// {word}: later\n")), 1)
        self.assertEqual(len(_code("services/a.cc", f"// {word}(): later\n")), 1)
        self.assertEqual(_code("services/a.cc", f"// {word}(etcd store): elect\n"), [])

    def test_every_test_has_a_size(self):
        without = 'cc_test(\n    name = "a_test",\n    srcs = ["a_test.cc"],\n)\n'
        with_size = without.replace("srcs", 'size = "small",\n    srcs')
        self.assertEqual(len(list(house_rules.build_findings("BUILD.bazel", without))), 1)
        self.assertEqual(list(house_rules.build_findings("BUILD.bazel", with_size)), [])


if __name__ == "__main__":
    unittest.main()
