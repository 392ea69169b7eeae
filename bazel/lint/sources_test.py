"""Which C++ files count as there for tests alone."""

import unittest

import sources

_BUILD = """
cc_library(
    name = "server",
    srcs = ["server.cc"],
    hdrs = ["server.h"],
)

cc_library(
    name = "fake",
    testonly = True,
    srcs = ["fake.cc"],
    hdrs = ["fake.h"],
    deps = [":server"],
)

cc_test(
    name = "server_test",
    srcs = ["server_test.cc"],
    deps = ["//services/common:clock"],
)
"""


class NamedInTestsTest(unittest.TestCase):
    def test_tests_and_testonly_targets_alone(self):
        self.assertEqual(
            sources.named_in_tests(_BUILD), {"fake.cc", "fake.h", "server_test.cc"}
        )


if __name__ == "__main__":
    unittest.main()
