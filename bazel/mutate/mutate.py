"""Do the tests notice small mistakes?

Makes mutants of the files, builds all of them into one set of test programs, in a copy of the
checkout, and runs those with one mutant at a time: the tests of the file's own package, then
the simulation, then the fuzz corpus, until one fails.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import sys
import time

import candidates
import equivalent
import report
import run_tests
import select_tests
import workspace
from mutant import sample_order

_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parent.parent
# What is measured unless files are named, with all below.
_DEFAULT = (
    "services/lock/engine", "services/lock/storage", "services/lock/rpc", "services/net", "clients/cpp",
)  # fmt: skip
_NOT_MUTATED = re.compile(r"(^|/)(testing|testdata|examples)/|_(test|main)\.(cc|h)$")

_FLAGS = (
    ("--count", {"type": int, "metavar": "N", "help": "draw so many mutants; else all"}),
    ("--seed", {"type": int, "default": 1, "metavar": "S",
                "help": "the same seed draws the same mutants of the same sources"}),
    ("--seeds", {"type": int, "default": 2000, "metavar": "N",
                 "help": "how many seeds the simulation tries for a mutant (2000)"}),
    ("--own", {"action": "store_true", "help": "run the tests of the file's own package alone"}),
    ("--also", {"action": "append", "default": [], "metavar": "PATTERN",
                "help": "run these tests too, after all others"}),
    ("--jobs", {"type": int, "default": os.cpu_count(), "metavar": "N",
                "help": "how many mutants are tried at once"}),
    ("--list", {"action": "store_true", "help": "show the mutants and run nothing"}),
)  # fmt: skip


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./dev mutate", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "files", nargs="*", metavar="FILE",
        help="files or folders; else the service's and the C++ client's",
    )  # fmt: skip
    for name, settings in _FLAGS:
        parser.add_argument(name, **settings)
    return parser.parse_args(arguments)


def source_files(root, named):
    """The files below what is named, relative to the root, without those that are for tests."""
    sys.path.insert(0, str(_HERE.parent / "lint"))
    import sources

    files = set()
    for name in named:
        path = root / name
        below = [path] if path.is_file() else [*path.rglob("*.cc"), *path.rglob("*.h")]
        files |= {file.relative_to(root).as_posix() for file in below}
    for_tests = sources.test_files(root)
    return sorted(f for f in files if not _NOT_MUTATED.search(f) and f not in for_tests)


def named_paths(files):
    """Relative to the checkout. Ends the program for one that is not there."""
    called_from = pathlib.Path(os.environ.get("CALLED_FROM", os.getcwd()))
    paths = [(called_from / file).resolve() for file in files]
    for path in paths:
        if not path.exists() or not path.is_relative_to(_ROOT):
            sys.exit(f"mutate: there is no {path} in this checkout")
    return [path.relative_to(_ROOT) for path in paths] or _DEFAULT


def draw(found, listed, options):
    """{number: Mutant}: those to try."""
    mutants = [m for of_file in found.values() for m in of_file if m.key not in listed]
    count = sum(map(len, found.values()))
    say(f"{count} mutants in {len(found)} files, {count - len(mutants)} listed as equivalent")
    if options.count is not None:
        mutants = sample_order(mutants, options.seed)[: options.count]
    mutants.sort(key=lambda m: (m.path, m.line))
    return dict(enumerate(mutants, 1))


def try_all(mutants, tests, jobs):
    """[(mutant, verdict)], with a line about each as it comes."""
    results = []

    def one(item):
        number, mutant = item
        return mutant, run_tests.try_mutant(number, tests.of(mutant))

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(one, item) for item in mutants.items()]
        for done in concurrent.futures.as_completed(waiting):
            mutant, verdict = done.result()
            results.append((mutant, verdict))
            place = f"[{len(results)}/{len(mutants)}] {mutant.path}:{mutant.line} {mutant.kind}"
            if verdict.killed_by:
                say(f"{place}: killed by {verdict.killed_by.label} ({verdict.why})")
            else:
                say(f"{place}: survived\n{report.survivor(mutant)}")
    return sorted(results, key=lambda result: (result[0].path, result[0].line))


def _stop(*_):
    """At once: threads would go on with the mutants that are still to be tried."""
    run_tests.end_all()
    os._exit(130)


def main(arguments):
    options = parse(arguments)
    named = named_paths(options.files)
    cache = pathlib.Path(os.environ["MUTATE_CACHE"])
    copy = workspace.Workspace(
        _ROOT, pathlib.Path(os.environ["MUTATE_WORKSPACE"]), os.environ["DISK_CACHE"], options.jobs
    )
    listed = equivalent.read((_HERE / "equivalent.txt").read_text())

    # From here on the checkout may change.
    copy.copy()
    root = copy.tree
    copy.build("//protos/...")
    built = copy.bin()
    headers = [str(built / "protos"), *map(str, root.glob("clients/*/include"))]
    paths = source_files(root, named)
    say(f"looking for mutants in {len(paths)} files")
    found = candidates.candidates(root, paths, headers, cache / "candidates", options.jobs)
    gone = equivalent.stale(listed, found)
    for path, function, kind, before, after in gone:
        say(f"equivalent.txt: no such mutant: {path} {function} {kind}\n- {before}\n+ {after}")
    mutants = draw(found, listed, options)
    if options.list or not mutants:
        print("\n\n".join(report.survivor(mutant) for mutant in mutants.values()))
        return 1 if gone else 0

    paths = sorted({mutant.path for mutant in mutants.values()})
    texts = {path: (root / path).read_text(encoding="latin-1") for path in paths}
    tests = select_tests.Tests(copy, paths, options.own, options.seeds, options.also)
    say(f"building {len(tests.tests)} tests with {len(mutants)} mutants in {len(paths)} files")
    mutants = copy.build_mutants(texts, mutants, tests.labels(), say)
    say("running the tests without a mutant")
    tests.measure(built, options.jobs, say)
    say(f"trying {len(mutants)} mutants, {options.jobs} at a time")
    results = try_all(mutants, tests, options.jobs)

    survivors = "\n\n".join(report.survivor(m, v) for m, v in results if not v.killed_by)
    print(f"\nSurvivors:\n\n{survivors or 'none'}\n\nFiles:\n\n{report.per_file(results)}\n")
    print(report.summary(results, tests.stages()))
    return 1 if gone else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(sys.argv[1:]))
    except (workspace.BuildFailed, ValueError) as error:
        sys.exit(f"mutate: {error}")
