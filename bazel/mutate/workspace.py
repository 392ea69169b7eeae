"""A copy of the checkout, in which the mutants are built: the checkout itself never changes."""

import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree

import rewrite

_SKIPPED = re.compile(r"bazel-.*|\.git|\.bazelrc\.user|node_modules|__pycache__")
# Of a header the compiler says how it was found: ./clients/cpp/core/clock.h.
_ERROR = re.compile(r"^(?:\./)?([\w./+-]+):(\d+):(\d+): (?:fatal )?error: (.*)", re.MULTILINE)
# Where a template was used wrongly, if the error itself is in somebody else's header.
_PLACE = re.compile(
    r"^(?:\./)?([\w./+-]+):(\d+):(\d+):\s+(?:required|in ['‘]constexpr)", re.MULTILINE
)


class BuildFailed(Exception):
    """The build is broken by something that is none of the mutants."""


class Workspace:
    """REQUIRES: `folder` is used by one process at a time."""

    def __init__(self, root, folder, disk_cache, jobs):
        self._root = root
        self.tree = folder / "tree"
        self._log = folder / "build.log"
        self._startup = [
            "bazel", f"--output_base={folder / 'base'}", "--max_idle_secs=300",
            "--host_jvm_args=-Xmx1500m",
        ]  # fmt: skip
        self._flags = [f"--disk_cache={disk_cache}", f"--jobs={jobs}", "--show_progress_rate_limit=60"]

    def copy(self):
        """Makes the tree what the checkout is, touching only the files that differ."""
        wanted = set()
        for parent, folders, names in os.walk(self._root):
            folders[:] = [name for name in folders if not _SKIPPED.fullmatch(name)]
            for name in names:
                path = pathlib.Path(parent, name)
                if not _SKIPPED.fullmatch(name) and path.is_file():
                    relative = path.relative_to(self._root)
                    wanted.add(relative)
                    self._write(self.tree / relative, path.read_bytes(), path.stat().st_mode & 0o777)
        for parent, folders, names in os.walk(self.tree):
            folders[:] = [name for name in folders if not _SKIPPED.fullmatch(name)]
            for name in names:
                path = pathlib.Path(parent, name)
                if path.relative_to(self.tree) not in wanted:
                    path.unlink()

    def _write(self, path, content, mode=0o644):
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)

    def bazel(self, command, *arguments, flags=()):
        """(exit code, standard output); what it reports goes to the log."""
        if command == "build":
            flags = [*self._flags, *flags]
        with open(self._log, "wb") as log:
            done = subprocess.run(
                [*self._startup, command, *flags, *arguments],
                cwd=self.tree, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        return done.returncode, done.stdout.decode()

    def _must(self, command, *arguments):
        code, output = self.bazel(command, *arguments)
        if code != 0:
            raise BuildFailed(f"bazel {command} failed:\n{self.log()[-6000:]}")
        return output

    def log(self):
        return self._log.read_text(errors="replace")

    def bin(self):
        return pathlib.Path(self._must("info", "bazel-bin").strip())

    def build(self, *targets):
        self._must("build", *targets)

    def targets(self, expression):
        return self._must("query", expression).split()

    def rules(self, labels):
        """{label: (its inputs, its strings)} of these targets and everything of ours below them."""
        text = self._must("query", "--output=xml", "--noimplicit_deps", "--notool_deps",
                          f"deps(set({' '.join(labels)}))")  # fmt: skip
        rules = {}
        for rule in xml.etree.ElementTree.fromstring(text).iter("rule"):
            lists = {
                entry.get("name"): [item.get("value") for item in entry if item.get("value")]
                for entry in rule.iter("list")
            }
            inputs = [entry.get("name") for entry in rule.iter("rule-input")]
            rules[rule.get("name")] = (inputs, lists)
        return rules

    def build_mutants(self, texts, mutants, targets, say):
        """Builds the targets with `mutants`, {number: Mutant}, in the files of `texts`.

        Returns the mutants that did compile; those that do not are left out one by one.
        """
        kept = dict(mutants)
        while True:
            made = self._write_mutants(texts, kept)
            sources = "|".join(re.escape(path) for path in made if path.endswith(".cc"))
            flags = [f"--per_file_copt=^({sources})$@-w"] if sources else []
            code, _ = self.bazel("build", "--keep_going", *targets, flags=flags)
            if code == 0:
                return kept
            wrong = self._wrong(made)
            if not wrong:
                raise BuildFailed(f"the build fails, and not because of a mutant:\n{self.log()[-6000:]}")
            say(f"{len(wrong)} mutants do not compile and are left out; building again")
            kept = {number: m for number, m in kept.items() if number not in wrong}

    def _write_mutants(self, texts, mutants):
        made = {}
        for path, text in texts.items():
            of_file = {number: m for number, m in mutants.items() if m.path == path}
            content = text
            if of_file:
                made[path] = rewrite.rewrite(path, text, of_file)
                content = made[path].text
            self._write(self.tree / path, content.encode("latin-1"))
        return made

    def _wrong(self, made):
        return wrong_mutants(self.log(), made)


def wrong_mutants(log, made):
    """The numbers of the mutants that the compiler's errors are put down to."""
    places = [m.groups()[:3] for m in _ERROR.finditer(log) if m.group(1) in made]
    if not places:
        places = [m.groups() for m in _PLACE.finditer(log) if m.group(1) in made]
    wrong = set()
    for path, line, column in places:
        wrong |= rewrite.blamed(made[path], int(line), int(column))
    return wrong
