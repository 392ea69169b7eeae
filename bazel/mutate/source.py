"""One source file as libclang sees it, with the questions that libclang leaves open."""

import bisect
import re

from clang import cindex

cindex.Config.set_library_file("/usr/lib/llvm-16/lib/libclang-16.so.1")

Kind = cindex.CursorKind

_FLAGS = ("-x", "c++", "-std=c++20", "-UNDEBUG", "-w", "-Wno-c++11-narrowing", "-ferror-limit=0")
_FUNCTIONS = (
    Kind.FUNCTION_DECL, Kind.CXX_METHOD, Kind.CONSTRUCTOR, Kind.DESTRUCTOR,
    Kind.CONVERSION_FUNCTION, Kind.FUNCTION_TEMPLATE,
)  # fmt: skip
_MACRO = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|assert")

# What a file includes is read once, and without the bodies of functions: most of the time
# would go there.
_OPTIONS = (
    cindex.TranslationUnit.PARSE_PRECOMPILED_PREAMBLE
    | cindex.TranslationUnit.PARSE_SKIP_FUNCTION_BODIES
    | 0x100  # CXTranslationUnit_CreatePreambleOnFirstParse
    | 0x800  # CXTranslationUnit_LimitSkipFunctionBodiesToPreamble
)


class Source:
    """The file's text, its tokens by their offsets, and where macros are used."""

    def __init__(self, root, path, text, include_folders):
        self.path = path
        self.text = text
        self._root = root
        self._file = str(root / path)
        flags = [*_FLAGS, f"-I{root}", *(f"-isystem{folder}" for folder in include_folders)]
        self._unit = cindex.Index.create().parse(
            self._file, args=flags, unsaved_files=[(self._file, text)], options=_OPTIONS
        )
        self.errors = list(self._errors())
        self._tokens = [
            (*self.range(token), token.spelling)
            for token in self._unit.get_tokens(extent=self._unit.cursor.extent)
            if token.kind != cindex.TokenKind.COMMENT
        ]
        self._starts = [token[0] for token in self._tokens]
        self._macros = list(self._macro_uses())

    def errors_in(self, made):
        """[(path, line, column, message)] of this text in place of the file's own. Everything
        else that was asked of this source is of no use afterwards."""
        self._unit.reparse(unsaved_files=[(self._file, made)], options=_OPTIONS)
        return list(self._errors())

    def _errors(self):
        for found in self._unit.diagnostics:
            if found.severity >= cindex.Diagnostic.Error:
                place = found.location
                name = place.file.name if place.file else ""
                yield name.removeprefix(f"{self._root}/"), place.line, place.column, found.spelling

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
