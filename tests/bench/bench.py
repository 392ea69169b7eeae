"""`./dev bench`: holdfast beside a bare server and its peers, in one run.

Every server runs below one scratch folder on one disk, and is ended with the run, also
by Ctrl-C. Repetitions of all rows alternate; tables show medians, and ratios with the
smallest and the largest of those found within a repetition.
"""

import argparse
import contextlib
import dataclasses
import json
import pathlib
import shutil
import signal
import sys
import tempfile

import figures
import machine
import measures
import picture
import rows
import servers
import tables


def _names(known):
    def parse(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return names

    return parse


def _numbers(text):
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no list of numbers") from None


def _shapes(text):
    shapes = tuple(text.split(","))
    for shape in shapes:
        connections, _, each = shape.partition("x")
        if not (connections.isdigit() and each.isdigit() and int(connections) * int(each)):
            raise argparse.ArgumentTypeError(f"{shape} is not CONNECTIONSxCALLERS")
    return shapes


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="about two minutes: fewer settings, shorter runs")
    add("--rows", type=_names(rows.BY_NAME), help="of " + ", ".join(rows.BY_NAME))
    add("--measures", type=_names(measures.BY_NAME), help="of " + ", ".join(measures.BY_NAME))
    add("--shapes", type=_shapes, help="of pairs: CONNECTIONSxCALLERS,...")
    add("--commands", type=_numbers, help="in a commit of the store")
    add("--waiters", type=_numbers, help="of hand-over")
    add("--python-callers", type=_numbers, help="processes that take a Python package's lock")
    add("--idle", type=int, help="waiters at rest")
    add("--leases", type=int, help="that are renewed, and that lapse")
    add("--held", type=int, help="locks that are held")
    add("--repetitions", type=int)
    add("--seconds", type=float, help="of each measurement")
    add("--warm-up", type=float, help="seconds before each measurement")
    add("--tcp", action="store_true", help="on 127.0.0.1, also where a Unix socket would do")
    add("--scratch", type=pathlib.Path, help="an existing folder on the disk to measure (TMPDIR)")
    add("--json", type=pathlib.Path, metavar="FILE", help="write all samples")
    add("--svg", type=pathlib.Path, metavar="FILE", help="write the pairs as a picture")
    add("--markdown", action="store_true", help="print tables in Markdown")
    add(
        "--from",
        dest="sources",
        type=pathlib.Path,
        nargs="+",
        metavar="FILE",
        help="show what earlier runs have written with --json",
    )
    add("--install-peers", action="store_true", help="first install the missing peers with apt")
    add("--binaries", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    for name in ("repetitions", "seconds", "idle", "leases", "held"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            parser.error(f"argument --{name}: {value} is too small")
    return options


def effort_of(options):
    """The effort that was asked for; what was not said is as usual, or as --quick has it."""
    chosen = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(measures.Effort)
        if getattr(options, field.name) is not None
    }
    return dataclasses.replace(measures.QUICK if options.quick else measures.Effort(), **chosen)


def _say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def _present(chosen, say):
    """The rows whose service is there; the others are named."""
    present = []
    for row in chosen:
        recipe = servers.RECIPES[row.server]
        if recipe.missing():
            say(f"{row.name} is left out: no {recipe.package} (./dev bench --install-peers)")
        else:
            present.append(row)
    return present


def _serving(chosen, load, say):
    """The rows that answer. A server that serves no row at all ends the run."""
    serving = []
    for row in chosen:
        server = load.server(row)
        known = any(load.server(other) is server for other in serving)
        try:
            load.run(row, "ready", limit=5 if known else 60)
            serving.append(row)
        except measures.Failed as failure:
            if not known:
                sys.exit(f"bench: {row.name}: {failure}\n{server.last_words()}")
            say(f"{row.name} is left out: its server does not serve it: {failure}")
    return serving


@contextlib.contextmanager
def _scratch(parent):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hf-bench-", dir=parent))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own.
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(options, say=_say):
    """Runs what was asked for. Returns (results, machine)."""
    effort = effort_of(options)
    chosen = [row for row in rows.ROWS if options.rows is None or row.name in options.rows]
    what = [
        one
        for one in measures.MEASURES
        if options.measures is None or one.name in options.measures
    ]
    chosen = _present(chosen, say)
    results = figures.Results()
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(_scratch(options.scratch))
        names = list(dict.fromkeys(row.server for row in chosen))
        described = machine.describe(scratch, names)
        choices = servers.Choices(options.binaries, options.tcp, max(1_000_000, 2 * effort.held))
        running = {}
        load = measures.Load(options.binaries, running, effort, scratch)
        for name in names:
            running[name] = servers.Server(name, scratch / name, choices)
            stack.callback(running[name].stop)
        chosen = _serving(chosen, load, say)
        measures.run_all(what, chosen, load, results, say)
        described["load_after"] = machine.load()
    return results, described


def read(paths):
    """What earlier runs have found, all together, and the machine of the first."""
    runs = [json.loads(path.read_text()) for path in paths]
    samples = [sample for run in runs for sample in run["samples"]]
    failures = [failure for run in runs for failure in run["failures"]]
    return figures.Results(samples, failures), runs[0]["machine"]


def _caption(described):
    return (
        f"pairs/s, medians with smallest and largest; {described['processors']} processors for "
        f"clients and servers, load average {described['load_before']:.1f} before the run"
    )


def main(arguments):
    options = parse(arguments)
    # Whoever ends the run with SIGTERM has the servers ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.sources:
            results, described = read(options.sources)
        else:
            results, described = measure(options)
    except KeyboardInterrupt:
        return 130
    if options.json:
        saved = {
            "machine": described,
            "samples": results.samples,
            "failures": results.failures,
        }
        options.json.write_text(json.dumps(saved, indent=1) + "\n")
    if options.svg and results.settings("pairs"):
        options.svg.write_text(picture.svg(results, _caption(described)))
    shape = tables.as_markdown if options.markdown else tables.as_text
    print(machine.as_text(described))
    print("\n".join(shape(table) for table in tables.tables(results)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
