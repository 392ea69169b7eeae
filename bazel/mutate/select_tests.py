"""Which tests could notice a mutant of a file, and in which order they run."""

import concurrent.futures
import pathlib

import run_tests

OWN, SIMULATION, FUZZ, ALSO = STAGES = ("own tests", "simulation", "fuzz corpus", "others")

_SIMULATE = "//tests/simulation:simulate"
_FUZZ_TARGETS = r"attr(tags, '\bfuzz\b', kind(cc_test, //tests/fuzz:all))"
# Without a mutant; a sanitizer's timeout for a large test.
_CLEAN_TIMEOUT = 900


def package_of(root, path):
    folder = pathlib.PurePosixPath(path).parent
    while not (root / folder / "BUILD.bazel").is_file():
        folder = folder.parent
    return str(folder)


def _label_of(root, path):
    package = package_of(root, path)
    return f"//{package}:{path[len(package) + 1:]}"


class Tests:
    """The tests of some files: those of their packages, the simulation, the fuzz corpus."""

    def __init__(self, workspace, paths, own_only, seeds, also):
        self._root = workspace.tree
        stages = self._stages(workspace, paths, own_only, also)
        rules = workspace.rules(stages)
        reached = {label: reachable(label, rules) for label in stages}
        self._depending = {
            path: {label for label in stages if _label_of(self._root, path) in reached[label]}
            for path in paths
        }
        used = set().union(*self._depending.values())
        self.tests = [
            run_tests.Test(label, stage, pathlib.Path(label[2:].replace(":", "/")),
                           _arguments(label, stage, rules, seeds))
            for label, stage in stages.items()
            if label in used
        ]  # fmt: skip

    def _stages(self, workspace, paths, own_only, also):
        stages = {}
        packages = sorted({package_of(self._root, path) for path in paths})
        own = " ".join(f"//{package}:all" for package in packages)
        wanted = [(f"kind(cc_test, set({own}))", OWN)]
        if not own_only:
            wanted += [(_SIMULATE, SIMULATION), (_FUZZ_TARGETS, FUZZ)]
            wanted += [(f"kind(cc_test, {pattern})", ALSO) for pattern in also]
        for expression, stage in wanted:
            for label in workspace.targets(expression):
                stages.setdefault(label, stage)
        return stages

    def labels(self):
        return [test.label for test in self.tests]

    def measure(self, folder, jobs, say):
        """Runs all of them without a mutant; those that fail are not used."""
        for test in self.tests:
            test.program = folder / test.program
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            outcomes = list(pool.map(_clean_run, self.tests))
        for test, outcome in zip(list(self.tests), outcomes):
            test.seconds = outcome.seconds
            if not outcome.passed:
                say(f"not used, because it fails without a mutant: {test.label} ({outcome.why})")
                self.tests.remove(test)

    def of(self, mutant):
        """Those that could notice the mutant: stage by stage, the quick ones first."""
        package = package_of(self._root, mutant.path)
        able = [
            test
            for test in self.tests
            if test.label in self._depending[mutant.path]
            and (test.stage != OWN or test.label.startswith(f"//{package}:"))
        ]
        return sorted(able, key=lambda test: (STAGES.index(test.stage), test.seconds))

    def stages(self):
        return [stage for stage in STAGES if any(test.stage == stage for test in self.tests)]


def _clean_run(test):
    outcome = run_tests.run(test, 0, _CLEAN_TIMEOUT)
    return outcome if outcome.passed else run_tests.run(test, 0, _CLEAN_TIMEOUT)


def _arguments(label, stage, rules, seeds):
    if label == _SIMULATE:
        return (f"--seeds={seeds}",)
    if stage == FUZZ:  # bazel/fuzz.bzl chooses them by configuration.
        return (f"tests/fuzz/corpus/{label.split(':')[1]}",)
    return tuple(rules[label][1].get("args", ()))


def reachable(label, rules):
    """The label and everything that it depends on."""
    seen, todo = set(), [label]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += rules.get(name, ((), {}))[0]
    return seen
