"""Fuzz targets.

    load("//bazel:fuzz.bzl", "fuzz_test")

    fuzz_test(
        name = "requests_fuzz",
        srcs = ["requests_fuzz.cc"],
        runs = 20000,
        deps = [...],
    )

The source defines LLVMFuzzerTestOneInput, and tests/fuzz/corpus/NAME holds its corpus.

Where libFuzzer is (--config=asan), the test runs the corpus and then, from a fixed
seed, inputs that libFuzzer makes of it, `runs` in all; `./dev fuzz` runs the same
program for longer. Elsewhere, it runs the corpus alone.
"""

_LIBFUZZER = "//tests/fuzz:libfuzzer"

def fuzz_test(name, srcs, deps, runs):
    """One fuzz target, as a test.

    Args:
      name: of the target and of its folder in tests/fuzz/corpus.
      srcs: the target's C++ files.
      deps: of these.
      runs: how many inputs the test runs, in about five seconds.
    """
    corpus = "corpus/" + name
    native.cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        args = select({
            # One input takes milliseconds; what takes 20 s is a finding too.
            _LIBFUZZER: [
                "-runs=%d" % runs,
                "-seed=1",
                "-timeout=20",
            ],
            "//conditions:default": [],
        }) + ["tests/fuzz/" + corpus],
        data = native.glob([corpus + "/*"]),
        linkopts = select({
            _LIBFUZZER: ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        # There is one thread, so there is nothing for the thread sanitizer to find.
        tags = [
            "fuzz",
            "notsan",
        ],
        deps = deps + select({
            _LIBFUZZER: ["//tests/fuzz:libfuzzer_setup"],
            "//conditions:default": ["//tests/fuzz:corpus_main"],
        }),
    )
