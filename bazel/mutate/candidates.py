"""All mutants of a file that compile, from a cache: finding them takes seconds a file."""

import concurrent.futures
import hashlib
import os
import pathlib
import pickle
import sys

import rewrite
from mutant import numbered

_HERE = pathlib.Path(__file__).parent
# What of this tool decides which mutants there are.
_FINDERS = ("candidates.py", "effects.py", "find_mutants.py", "mutant.py", "mutate_expressions.py",
            "rewrite.py", "source.py")  # fmt: skip


def _tool():
    return b"".join((_HERE / name).read_bytes() for name in _FINDERS)


def _find(root, path, include_folders):
    # Here, so that nothing but this needs python3-clang.
    import find_mutants
    import source

    text = (root / path).read_text(encoding="latin-1")
    read = source.Source(root, path, text, include_folders)
    if read.errors:
        name, line, column, message = read.errors[0]
        raise ValueError(f"{path} cannot be read: {name}:{line}:{column}: {message}")
    mutants = dict(enumerate(find_mutants.find_mutants(read), 1))
    # What one mutant breaks may hide what another one breaks.
    for _ in range(10):
        made = rewrite.rewrite(path, text, mutants)
        wrong = set()
        for name, line, column, _ in read.errors_in(made.text):
            if name == path:
                wrong |= rewrite.blamed(made, line, column)
        if not wrong:
            break
        mutants = {number: m for number, m in mutants.items() if number not in wrong}
    return list(numbered(mutants.values()))


def _cached(root, path, include_folders, cache):
    text = (root / path).read_bytes()
    name = hashlib.sha256(_tool() + path.encode() + b"\0" + text).hexdigest()
    file = cache / name
    try:
        return pickle.loads(file.read_bytes())
    except (OSError, pickle.PickleError, EOFError):
        found = _find(root, path, include_folders)
        cache.mkdir(parents=True, exist_ok=True)
        written = file.with_suffix(f".{os.getpid()}")
        written.write_bytes(pickle.dumps(found))
        written.rename(file)
        return found


def candidates(root, paths, include_folders, cache, jobs):
    """{path: its mutants}; a file that cannot be read is left out, with a word about it."""
    found = {}
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        waiting = {path: pool.submit(_cached, root, path, include_folders, cache) for path in paths}
        for path, result in waiting.items():
            try:
                found[path] = result.result()
            except ValueError as error:
                print(f"mutate: {error}", file=sys.stderr)
    return found
