"""`./dev mutate`: do the tests notice small mistakes?

Makes mutants of the files (mutant.py), builds all of them into one set of test programs, in a
copy of the checkout, and runs those with one mutant at a time: the tests of the file's own
package, then the simulation, then the fuzz corpus, until one fails.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import sys
import time

import candidates
import equivalent
import report
import run_tests
import workspace
from mutant import sample_order

_HERE = pathlib.Path(__file__).parent
_ROOT = _HERE.parent.parent
# What is measured unless files are named, with all below.
_DEFAULT = ("services/lock/engine", "services/lock/storage", "services/lock/rpc", "services/net", "clients/cpp")
_NOT_MUTATED = re.compile(r"(^|/)(testing|testdata|examples)/|_(test|main)\.(cc|h)$")

_OWN, _SIMULATION, _FUZZ, _ALSO = "own tests", "simulation", "fuzz corpus", "others"
_SIMULATE = "//tests/simulation:simulate"


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def package_of(path):
    folder = pathlib.PurePosixPath(path).parent
    while not (_ROOT / folder / "BUILD.bazel").is_file():
        folder = folder.parent
    return str(folder)


def label_of(path):
    package = package_of(path)
    return f"//{package}:{path[len(package) + 1:]}"


def source_files(named, for_tests):
    """The files below what is named, relative to the checkout, without those of tests."""
    files = set()
    for name in named:
        path = _ROOT / name
        if not path.exists():
            if name in _DEFAULT:
                continue
            sys.exit(f"mutate: there is no {name}")
        below = [path] if path.is_file() else [*path.rglob("*.cc"), *path.rglob("*.h")]
        files |= {file.relative_to(_ROOT).as_posix() for file in below}
    return sorted(f for f in files if not _NOT_MUTATED.search(f) and f not in for_tests)


def files_for_tests():
    sys.path.insert(0, str(_HERE.parent / "lint"))
    import sources

    return sources.test_files(_ROOT)


def find_tests(tree, paths, options):
    """[Test] that could say something, and {path: the labels that depend on it}."""
    stages = {}
    packages = " ".join(f"//{package}:all" for package in sorted({package_of(p) for p in paths}))
    for label in tree.targets(f"kind(cc_test, set({packages}))"):
        stages[label] = _OWN
    if not options.own:
        stages.setdefault(_SIMULATE, _SIMULATION)
        for label in tree.targets("attr(tags, '\\bfuzz\\b', kind(cc_test, //tests/fuzz:all))"):
            stages.setdefault(label, _FUZZ)
        for pattern in options.also:
            for label in tree.targets(f"kind(cc_test, {pattern})"):
                stages.setdefault(label, _ALSO)
    rules = tree.rules(stages)
    uses = {label: _below(label, rules) for label in stages}
    depending = {path: {label for label in stages if label_of(path) in uses[label]} for path in paths}
    tests = []
    for label, stage in stages.items():
        if not any(label in labels for labels in depending.values()):
            continue
        arguments = rules[label][1].get("args", [])
        if label == _SIMULATE:
            arguments = [f"--seeds={options.seeds}"]
        elif stage == _FUZZ:
            arguments = [f"tests/fuzz/corpus/{label.split(':')[1]}"]
        tests.append(run_tests.Test(label, stage, pathlib.Path(label[2:].replace(":", "/")), tuple(arguments)))
    return tests, depending


def _below(label, rules):
    seen, todo = set(), [label]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += rules.get(name, ((), {}))[0]
    return seen


def time_tests(tests, jobs):
    """Measures the tests without a mutant; returns those that pass, the quick ones first."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(lambda test: _clean_run(test), tests))
    sound = []
    for test, outcome in zip(tests, outcomes):
        if outcome.passed:
            test.seconds = outcome.seconds
            sound.append(test)
        else:
            say(f"not used, because it fails without a mutant: {test.label} ({outcome.why})")
    order = [_OWN, _SIMULATION, _FUZZ, _ALSO]
    return sorted(sound, key=lambda t: (order.index(t.stage), t.seconds))


def _clean_run(test):
    outcome = run_tests.run(test, 0, 600)
    return outcome if outcome.passed else run_tests.run(test, 0, 600)


def tests_for(mutant, tests, depending):
    package = package_of(mutant.path)
    return [
        test
        for test in tests
        if test.label in depending[mutant.path]
        and (test.stage != _OWN or test.label.startswith(f"//{package}:"))
    ]  # fmt: skip


def try_all(mutants, tests, depending, jobs):
    """[(mutant, verdict)], with a line about each as it comes."""
    results = []

    def one(item):
        number, mutant = item
        return mutant, run_tests.try_mutant(number, tests_for(mutant, tests, depending))

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(one, item) for item in mutants.items()]
        for done in concurrent.futures.as_completed(waiting):
            mutant, verdict = done.result()
            results.append((mutant, verdict))
            what = f"killed by {verdict.killed_by.label} ({verdict.why})" if verdict.killed_by else "SURVIVED"
            say(f"[{len(results)}/{len(mutants)}] {mutant.path}:{mutant.line} {mutant.kind}: {what}")
            if not verdict.killed_by:
                print(report.survivor(mutant), flush=True)
    return sorted(results, key=lambda r: (r[0].path, r[0].line))


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./dev mutate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help="files or folders; else those of the service and the C++ client")
    parser.add_argument("--count", type=int, help="draw so many mutants; else all")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same mutants of the same sources")
    parser.add_argument("--seeds", type=int, default=2000, help="seeds that the simulation tries for each mutant")
    parser.add_argument("--own", action="store_true", help="run the tests of the file's own package alone")
    parser.add_argument("--also", action="append", default=[], metavar="PATTERN", help="run these tests too, last")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants that are tried at once")
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    return parser.parse_args(arguments)


def draw(found, listed, options):
    """{number: Mutant}: those to try."""
    mutants = [m for of_file in found.values() for m in of_file if m.key not in listed]
    say(f"{sum(map(len, found.values()))} mutants in {len(found)} files; {len(mutants)} of them are not listed as equivalent")
    if options.count is not None:
        mutants = sample_order(mutants, options.seed)[: options.count]
    mutants.sort(key=lambda m: (m.path, m.line))
    return dict(enumerate(mutants, 1))


def main(arguments):
    options = parse(arguments)
    cache = pathlib.Path(os.environ["MUTATE_CACHE"])
    called_from = pathlib.Path(os.environ.get("CALLED_FROM", os.getcwd()))
    named = [(called_from / f).resolve().relative_to(_ROOT) for f in options.files] or _DEFAULT
    tree = workspace.Workspace(_ROOT, pathlib.Path(os.environ["MUTATE_WORKSPACE"]), os.environ["DISK_CACHE"], options.jobs)
    listed = equivalent.read((_HERE / "equivalent.txt").read_text())

    tree.copy()
    tree.build("//protos/...")
    built = tree.bin()
    headers = [str(built / "protos"), *map(str, _ROOT.glob("clients/*/include"))]
    paths = source_files(named, files_for_tests())
    say(f"looking for mutants in {len(paths)} files")
    found = candidates.candidates(_ROOT, paths, headers, cache / "candidates", options.jobs)
    for key in (gone := equivalent.stale(listed, found)):
        say(f"equivalent.txt: no such mutant any more: {' '.join(key[:3])}\n- {key[3]}\n+ {key[4]}")
    mutants = draw(found, listed, options)
    if options.list or not mutants:
        print("\n\n".join(report.survivor(m) for m in mutants.values()))
        return 1 if gone else 0

    texts = {path: (_ROOT / path).read_text(encoding="latin-1") for path in {m.path for m in mutants.values()}}
    tests, depending = find_tests(tree, sorted(texts), options)
    say(f"building {len(tests)} tests with {len(mutants)} mutants in {len(texts)} files")
    mutants = tree.build_mutants(texts, mutants, [test.label for test in tests], say)
    for test in tests:
        test.program = built / test.program
    say("running the tests without a mutant")
    tests = time_tests(tests, options.jobs)
    say(f"trying {len(mutants)} mutants, {options.jobs} at a time")
    results = try_all(mutants, tests, depending, options.jobs)

    print("\nSurvivors:\n")
    print("\n\n".join(report.survivor(m, v) for m, v in results if not v.killed_by))
    print("\nFiles:\n\n" + report.per_file(results))
    stages = [s for s in (_OWN, _SIMULATION, _FUZZ, _ALSO) if any(t.stage == s for t in tests)]
    print("\n" + report.summary(results, stages))
    return 1 if gone else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except workspace.BuildFailed as error:
        sys.exit(f"mutate: {error}")
