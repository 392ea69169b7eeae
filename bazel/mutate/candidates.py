"""All mutants of a file that compile, from a cache: finding them takes seconds a file."""

import concurrent.futures
import hashlib
import os
import pathlib
import pickle
import sys
import tempfile

import rewrite
from mutant import numbered

_HERE = pathlib.Path(__file__).parent
# What of this tool decides which mutants there are.
_FINDERS = ("candidates.py", "effects.py", "find_mutants.py", "mutant.py", "mutate_expressions.py",
            "rewrite.py", "source.py")  # fmt: skip


class Unreadable(Exception):
    """The file does not compile, even without mutants."""


def _tool():
    return b"".join((_HERE / name).read_bytes() for name in _FINDERS)


def _find(parser, path):
    # Here, so that nothing but this needs python3-clang.
    import find_mutants
    import source

    text = _text(parser.root, path)
    read = source.Source(parser, path, text)
    if read.errors:
        name, line, column, message = read.errors[0]
        raise Unreadable(f"{path} cannot be read: {name}:{line}:{column}: {message}")
    mutants = dict(enumerate(find_mutants.find_mutants(read), 1))
    # What one mutant breaks may hide what another one breaks.
    for _ in range(10):
        if not mutants:
            break
        made = rewrite.rewrite(path, text, mutants)
        wrong = set()
        for name, line, column, _ in parser.errors(path, made.text):
            if name == path:
                wrong |= rewrite.blamed(made, line, column)
        if not wrong:
            break
        mutants = {number: m for number, m in mutants.items() if number not in wrong}
    return list(numbered(mutants.values()))


def _text(root, path):
    return (root / path).read_text(encoding="latin-1")


def _cache_file(root, path, cache):
    content = _tool() + path.encode() + b"\0" + (root / path).read_bytes()
    return cache / hashlib.sha256(content).hexdigest()


def _read(file):
    try:
        return pickle.loads(file.read_bytes())
    except (OSError, pickle.PickleError, EOFError):
        return None


def _write(file, found):
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_suffix(f".{os.getpid()}")
    written.write_bytes(pickle.dumps(found))
    written.rename(file)


def candidates(root, paths, include_folders, cache, jobs):
    """{path: its mutants}; a file that cannot be read is left out, with a word about it."""
    files = {path: _cache_file(root, path, cache) for path in paths}
    found = {path: _read(file) for path, file in files.items()}
    missing = [path for path in paths if found[path] is None]
    with tempfile.TemporaryDirectory() as folder:
        for path, result in _find_all(root, missing, include_folders, pathlib.Path(folder), jobs):
            try:
                found[path] = result.result()
                _write(files[path], found[path])
            except Unreadable as error:
                print(f"mutate: {error}", file=sys.stderr)
    return {path: mutants for path, mutants in found.items() if mutants is not None}


def _find_all(root, paths, include_folders, folder, jobs):
    if not paths:
        return
    import source

    parser = source.Parser(root, include_folders, folder, [_text(root, path) for path in paths])
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        waiting = [(path, pool.submit(_find, parser, path)) for path in paths]
        yield from waiting
