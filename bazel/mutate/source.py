"""One source file as libclang sees it, with the questions that libclang leaves open."""

import bisect
import re

from clang import cindex

cindex.Config.set_library_file("/usr/lib/llvm-16/lib/libclang-16.so.1")

# The header is not a program, and it is to be saved.
_FOR_OTHERS = (
    cindex.TranslationUnit.PARSE_INCOMPLETE
    | cindex.TranslationUnit.PARSE_SKIP_FUNCTION_BODIES
    | 0x10  # CXTranslationUnit_ForSerialization
)

Kind = cindex.CursorKind

_FLAGS = ("-x", "c++", "-std=c++20", "-UNDEBUG", "-w", "-Wno-c++11-narrowing", "-ferror-limit=0")
_FUNCTIONS = (
    Kind.FUNCTION_DECL, Kind.CXX_METHOD, Kind.CONSTRUCTOR, Kind.DESTRUCTOR,
    Kind.CONVERSION_FUNCTION, Kind.FUNCTION_TEMPLATE,
)  # fmt: skip
_MACRO = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|assert")

# Includes of what is not ours: most of the time of reading a file would go there.
_FOREIGN_INCLUDE = re.compile(
    r'^#include (<[^>]+>|"[^"]+\.pb\.h"|"(?:absl|grpc\w*|rocksdb)/[^"]+")', re.MULTILINE
)


class Parser:
    """Reads files; headers that are not ours only once, into `folder`, for all files."""

    def __init__(self, root, include_folders, folder=None, texts=()):
        """`texts`: those of the files that will be read, as far as known."""
        self.root = root
        self._flags = [*_FLAGS, f"-I{root}", *(f"-isystem{each}" for each in include_folders)]
        included = sorted({name for text in texts for name in _FOREIGN_INCLUDE.findall(text)})
        if folder is not None and included:
            self._precompile(folder, included)

    def _precompile(self, folder, included):
        header, compiled = folder / "foreign.h", folder / "foreign.pch"
        header.write_text("".join(f"#include {name}\n" for name in included))
        unit = cindex.Index.create().parse(
            str(header), args=["-x", "c++-header", *self._flags[2:]], options=_FOR_OTHERS
        )
        if not list(_errors(self.root, unit)):
            unit.save(str(compiled))
            self._flags += ["-include-pch", str(compiled)]

    def parse(self, path, text):
        """The translation unit of the file with this text in place of its own."""
        file = str(self.root / path)
        return cindex.Index.create().parse(file, args=self._flags, unsaved_files=[(file, text)])

    def errors(self, path, text):
        """[(path, line, column, message)] of what does not compile in it."""
        return list(_errors(self.root, self.parse(path, text)))


def _errors(root, unit):
    for found in unit.diagnostics:
        if found.severity >= cindex.Diagnostic.Error:
            place = found.location
            name = place.file.name if place.file else ""
            yield name.removeprefix(f"{root}/"), place.line, place.column, found.spelling


class Source:
    """The file's text, its tokens by their offsets, and where macros are used."""

    def __init__(self, parser, path, text):
        self.path = path
        self.text = text
        self._file = str(parser.root / path)
        self._unit = parser.parse(path, text)
        self.errors = list(_errors(parser.root, self._unit))
        self._tokens = [
            (*self.range(token), token.spelling)
            for token in self._unit.get_tokens(extent=self._unit.cursor.extent)
            if token.kind != cindex.TokenKind.COMMENT
        ]
        self._starts = [token[0] for token in self._tokens]
        self._macros = list(self._macro_uses())

    def _macro_uses(self):
        """Known by their names: asking libclang for them takes longer than all the rest."""
        for index, (start, end, text) in enumerate(self._tokens):
            if _MACRO.fullmatch(text):
                if self.token_at(end)[2] == "(":
                    end = self.closing(self.token_at(end)[0], len(self.text))
                yield start, end

    def closing(self, opening, end):
        """Where the bracket that opens at `opening` is closed."""
        depth = 0
        for start, _, text in self.tokens_between(opening, end):
            depth += {"(": 1, ")": -1}.get(text, 0)
            if depth == 0:
                return start
        return end

    def _is_here(self, cursor):
        return cursor.location.file is not None and cursor.location.file.name == self._file

    def range(self, cursor):
        return cursor.extent.start.offset, cursor.extent.end.offset

    def code(self, cursor):
        start, end = self.range(cursor)
        return self.text[start:end]

    def tokens_between(self, start, end):
        """The (start, end, text) of the tokens that begin from `start` up to `end`."""
        return self._tokens[
            bisect.bisect_left(self._starts, start) : bisect.bisect_left(self._starts, end)
        ]

    def token_at(self, offset):
        """The text of the first token that begins at or after the offset."""
        index = bisect.bisect_left(self._starts, offset)
        return self._tokens[index] if index < len(self._tokens) else (offset, offset, "")

    def in_macro(self, start, end):
        return any(first < end and last > start for first, last in self._macros)

    def line(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def functions(self):
        """Yields (qualified name, cursor, body) of the functions that are defined here."""
        yield from self._functions_of(self._unit.cursor)

    def _functions_of(self, cursor):
        for child in cursor.get_children():
            if not self._is_here(child):
                continue
            if child.kind in _FUNCTIONS:
                body = [c for c in child.get_children() if c.kind == Kind.COMPOUND_STMT]
                if body and not self._is_constant(child, body[-1]):
                    yield self._name(child), child, body[-1]
            elif child.kind.is_declaration() or child.kind == Kind.UNEXPOSED_DECL:
                yield from self._functions_of(child)

    def _is_constant(self, function, body):
        head = self.text[self.range(function)[0] : self.range(body)[0]]
        return re.search(r"\b(constexpr|consteval)\b", head) is not None

    def _name(self, function):
        parent = function.semantic_parent
        if parent is not None and parent.kind.is_declaration() and parent.kind not in (
            Kind.NAMESPACE, Kind.TRANSLATION_UNIT,
        ):  # fmt: skip
            return f"{parent.spelling}::{function.spelling}"
        return function.spelling
