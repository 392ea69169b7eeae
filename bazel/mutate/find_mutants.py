"""Finds in one source file what a mutant can change.

Statements: leave one out (and a return, a whole if), swap two neighbours that touch the same
thing. Expressions: see mutate_expressions.py.

Left out on purpose: log lines and whatever they compute, code in macros, constexpr functions,
declarations (they cannot be switched at run time), and what cannot change anything that a
test could see, like reserve().
"""

import dataclasses
import re

from effects import Effects
from mutant import SWITCH, Mutant, Wrap, changed_lines
from mutate_expressions import expression_mutants
from source import Kind

_LOOPS = {Kind.FOR_STMT, Kind.WHILE_STMT, Kind.CXX_FOR_RANGE_STMT, Kind.DO_STMT}
_JUMPS = {Kind.RETURN_STMT, Kind.BREAK_STMT, Kind.CONTINUE_STMT}
# Statements that are no expressions and that no mutant leaves out as a whole.
_KEPT = {
    Kind.DECL_STMT, Kind.NULL_STMT, Kind.COMPOUND_STMT, Kind.CASE_STMT, Kind.DEFAULT_STMT,
    Kind.SWITCH_STMT, Kind.LABEL_STMT, Kind.CXX_TRY_STMT, Kind.GOTO_STMT,
}  # fmt: skip
# Speed and memory only.
_CHANGES_NOTHING = {"reserve", "shrink_to_fit"}
_LOGS = {"Log"}
_EQUALITY = re.compile(r"[^&|?<>]*[!=]=[^&|?<>]*")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in a function something stands."""

    function: str
    statement: int = 0
    # Whether the function goes on after this statement: a return without which it would run
    # off the end of a function cannot be left out.
    followed: bool = False


class Finder:
    """Collects the mutants of one source."""

    def __init__(self, source):
        self._source = source
        self._found = []
        # The breaks at the end of a switch, where they change nothing.
        self._needless = set()

    def mutants(self):
        for name, _, body in self._source.functions():
            self._block(body, Place(name))
        return self._found

    def add(self, place, kind, replacements, wraps):
        """One mutant: what it looks like in the source, and how it is switched."""
        before, after = changed_lines(self._source.text, replacements)
        if before != after:
            line = self._source.line(min(r[0] for r in replacements))
            self._found.append(
                Mutant(self._source.path, place.function, kind, line, before, after,
                       place.statement, tuple(wraps))  # fmt: skip
            )

    def _block(self, block, place):
        statements = list(block.get_children())
        for index, statement in enumerate(statements):
            last = index + 1 == len(statements)
            here = dataclasses.replace(place, followed=place.followed or not last)
            self._statement(statement, here)
            if not last:
                self._swap(statement, statements[index + 1], here)

    def _statement(self, node, place):
        source = self._source
        start, end = self._range(node)
        place = dataclasses.replace(place, statement=start)
        if source.in_macro(start, end) and source.in_macro(start, start + 1) or self._is_log(node):
            return
        kind = node.kind
        if kind == Kind.COMPOUND_STMT:
            self._block(node, place)
        elif kind in (Kind.CASE_STMT, Kind.DEFAULT_STMT):
            self._statement(list(node.get_children())[-1], place)
        elif kind == Kind.IF_STMT:
            self._if(node, place)
        elif kind in _LOOPS or kind == Kind.SWITCH_STMT:
            self._loop(node, place)
        elif kind in _JUMPS:
            if place.followed and start not in self._needless:
                name = "drop-return" if kind == Kind.RETURN_STMT else "drop-statement"
                self._leave_out(name, start, end, place)
            self._expressions(node, place)
        elif kind in _KEPT:
            self._expressions(node, place)
        elif _innermost(node).spelling not in _CHANGES_NOTHING:
            if self._is_worth_dropping(node):
                self._leave_out("drop-statement", start, end, place)
            self._expressions(node, place)

    def _if(self, node, place):
        source = self._source
        start, end = self._range(node)
        opening = source.tokens_between(start, end)[1]
        head, branches = [], []
        if opening[2] == "(":
            closing = source.closing(opening[0], end)
            for child in node.get_children():
                (head if source.range(child)[0] < closing else branches).append(child)
        else:  # if constexpr
            branches = [c for c in node.get_children() if c.kind == Kind.COMPOUND_STMT]
        if head:
            # Leaving out the one statement in it is the same.
            single = len(branches) == 1 and len(_statements(branches[0])) == 1
            if len(branches) == 1 and not single and self._may_go(start, end, place):
                self._leave_out("drop-if", start, end, place)
            condition = head[-1]
            first, last = source.range(condition)
            # A variable that is declared there is its own condition.
            declared = any(source.range(c)[0] < first < source.range(c)[1] for c in head)
            if condition.kind.is_expression() and not declared:
                self.negate(first, last, place)
        for child in head:
            self._expressions(child, place)
        for branch in branches:
            self._statement(branch, place)

    def _loop(self, node, place):
        start, end = self._range(node)
        *head, body = node.get_children()
        if node.kind == Kind.SWITCH_STMT:
            self._needless.add(self._range(_last_of(body))[0])
        if node.kind == Kind.DO_STMT:
            body, *head = node.get_children()
        elif (
            node.kind != Kind.SWITCH_STMT
            and len(_statements(body)) > 1
            and self._may_go(start, end, place)
        ):
            self._leave_out("drop-statement", start, end, place)
        for child in head:
            self._expressions(child, place)
        in_loop = node.kind != Kind.SWITCH_STMT
        self._statement(body, dataclasses.replace(place, followed=place.followed or in_loop))

    def negate(self, start, end, place):
        text = self._source.text[start:end]
        if _EQUALITY.fullmatch(text):
            return  # shift-comparison does it.
        new = text[1:] if re.fullmatch(r"![\w.>():-]+", text) else f"!({text})"
        self.add(place, "negate-condition", [(start, end, new)],
                 [Wrap(start, end, f"({SWITCH} != static_cast<bool>(", "))")])  # fmt: skip

    def _may_go(self, start, end, place):
        """Whether the function would not run off its end without this statement."""
        returns = re.search(r"\breturn\s*[^;\s]", self._source.text[start:end])
        return place.followed or returns is None

    def _leave_out(self, kind, start, end, place):
        self.add(place, kind, [(start, end, "")], [Wrap(start, end, f"{{ if (!{SWITCH}) {{ ", " } }")])

    def _swap(self, first, second, place):
        if not all(self._is_expression(node) for node in (first, second)):
            return
        if self._is_log(first) or self._is_log(second):
            return
        one, two = self._range(first), self._range(second)
        text = self._source.text
        if self._source.in_macro(*one) or self._source.in_macro(*two) or "co_" in text[one[0] : two[1]]:
            return
        if not Effects(self._source, first).may_disturb(Effects(self._source, second)):
            return
        place = dataclasses.replace(place, statement=one[0])
        self.add(
            place, "swap-statements",
            [(*one, text[slice(*two)]), (*two, text[slice(*one)])],
            [Wrap(*one, f"{{ if ({SWITCH}) {{ {text[slice(*two)]} }} ", " }"),
             Wrap(*two, f"{{ if (!{SWITCH}) {{ ", " } }")],
        )  # fmt: skip

    def _expressions(self, node, place):
        if self._source.in_macro(*self._source.range(node)):
            return
        if node.kind == Kind.LAMBDA_EXPR:
            for child in node.get_children():
                if child.kind == Kind.COMPOUND_STMT:
                    self._block(child, dataclasses.replace(place, followed=False))
            return
        expression_mutants(self, self._source, node, place)
        for child in node.get_children():
            self._expressions(child, place)

    def _is_expression(self, node):
        return node.kind not in _KEPT | _JUMPS | _LOOPS | {Kind.IF_STMT}

    def _is_worth_dropping(self, node):
        call = _innermost(node)
        if call.kind in (Kind.CSTYLE_CAST_EXPR, Kind.CXX_STATIC_CAST_EXPR):
            return "(" in self._source.code(list(call.get_children())[-1])
        return True

    def _is_log(self, node):
        call = _innermost(node)
        return call.kind == Kind.CALL_EXPR and call.spelling in _LOGS

    def _range(self, node):
        """The statement's range, with its semicolon."""
        start, end = self._source.range(node)
        following = self._source.token_at(end)
        return start, following[1] if following[2] == ";" else end


def _last_of(block):
    """The last statement in it, without the case that it may stand in."""
    while block.kind in (Kind.COMPOUND_STMT, Kind.CASE_STMT, Kind.DEFAULT_STMT):
        inner = list(block.get_children())
        if not inner:
            break
        block = inner[-1]
    return block


def _statements(branch):
    return list(branch.get_children()) if branch.kind == Kind.COMPOUND_STMT else [branch]


def _innermost(node):
    """Without the conversions and clean-ups that libclang shows around an expression."""
    while node.kind == Kind.UNEXPOSED_EXPR:
        inner = list(node.get_children())
        if len(inner) != 1:
            break
        node = inner[0]
    return node


def find_mutants(source):
    return Finder(source).mutants()
