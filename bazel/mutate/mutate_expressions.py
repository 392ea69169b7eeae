"""The mutants of one expression: its operator, its arguments, its value."""

import re

from mutant import SWITCH, Wrap
from source import Kind

_SHIFTED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "+=": "-=", "-=": "+=", "%": "/"}
_STEPS = {"++": "--", "--": "++"}
_EXTREMES = {"min": "max", "max": "min"}
# Messages: in which order they put things is for people to read.
_MESSAGES = re.compile(r"(Error|Status)$|^StrFormat$")
_PROSE = re.compile(r'"[^"]* [^"]*"')
_NUMBER = re.compile(r"(const |unsigned |signed )*(int|long|short|char|long long|double|float)")
# Means nothing that a test could see.
_ENUMS_LEFT = {"memory_order", "LogLevel"}


def expression_mutants(finder, source, node, place):
    """Adds to the finder the mutants of this node, not of those below it."""
    kind = node.kind
    children = list(node.get_children())
    if kind in (Kind.BINARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR) and len(children) == 2:
        left, right = (source.range(c) for c in children)
        _operator(finder, source, node, left, right, place)
    elif kind == Kind.CALL_EXPR:
        if node.spelling.startswith("operator"):
            _operator_call(finder, source, node, children, place)
        else:
            _call(finder, source, node, place)
    elif kind == Kind.UNARY_OPERATOR:
        _step(finder, source, node, children[0], place)
    elif kind == Kind.CONDITIONAL_OPERATOR:
        finder.negate(*source.range(children[0]), place)
    elif kind == Kind.RETURN_STMT and children:
        _returned(finder, source, children[0], place)
    elif kind == Kind.CXX_BOOL_LITERAL_EXPR:
        _choose(finder, source, "change-constant", source.range(node),
                {"true": "false", "false": "true"}.get(source.code(node)), place)  # fmt: skip
    elif kind == Kind.INTEGER_LITERAL:
        _integer(finder, source, node, place)
    elif kind == Kind.DECL_REF_EXPR:
        _named_constant(finder, source, node, place)


def _choose(finder, source, kind, span, new, place):
    """The mutant in which the expression is another one."""
    if new is None:
        return
    start, end = span
    wrap = Wrap(start, end, f"({SWITCH} ? ({new}) : (", "))")
    finder.add(place, kind, [(start, end, new)], [wrap])


def _operator_call(finder, source, node, children, place):
    """An operator of a class. The one that is called may be `<=>` or `==` where the source has
    `>=` or `!=`, so the source is asked."""
    if len(children) != 3:
        return
    (left, operator, right) = (source.range(c) for c in children)
    if not left[1] <= operator[0] < right[0]:
        return
    _operator(finder, source, node, left, right, place)


def _operator(finder, source, node, left, right, place):
    between = source.tokens_between(left[1], right[0])
    if len(between) != 1:
        return
    start, end, operator = between[0]
    whole = (left[0], right[1])
    text = source.text

    def changed(new):
        return text[left[0] : start] + new + text[end : right[1]]

    if operator in ("&&", "||"):
        for kept, dropped in ((left, right), (right, left)):
            prefix = f"({SWITCH} || " if operator == "&&" else f"(!{SWITCH} && "
            finder.add(
                place, "drop-operand",
                [(*whole, text[slice(*kept)])],
                [Wrap(*dropped, f"{prefix}static_cast<bool>(", "))")],
            )  # fmt: skip
    elif operator in _SHIFTED:
        _choose(finder, source, "shift-comparison", whole, changed(_SHIFTED[operator]), place)
    elif operator in _ARITHMETIC and _is_number(node) and not _are_times(node):
        _choose(finder, source, "change-arithmetic", whole, changed(_ARITHMETIC[operator]), place)


def _is_number(node):
    name = node.type.get_canonical().spelling
    return "chrono::" in name or _NUMBER.fullmatch(name) is not None


def _are_times(node):
    """Two points in time have a difference and no sum."""
    kinds = [a.type.get_canonical().spelling for a in node.get_arguments() if a is not None]
    return len(kinds) == 2 and all("time_point<" in kind for kind in kinds)


def _step(finder, source, node, operand, place):
    code = source.code(node)
    for operator, other in _STEPS.items():
        if code.startswith(operator):
            _choose(finder, source, "change-arithmetic", source.range(node), other + code[2:], place)
        elif code.endswith(operator):
            _choose(finder, source, "change-arithmetic", source.range(node), code[:-2] + other, place)


def _call(finder, source, node, place):
    span = source.range(node)
    code = source.code(node)
    name = node.spelling
    if name in _EXTREMES and code.startswith(f"std::{name}"):
        _choose(finder, source, "min-max", span, f"std::{_EXTREMES[name]}" + code[8:], place)
    if _MESSAGES.search(name) or name in _EXTREMES or not re.match(r"[\w:.>()*\[\]-]+[({<]", code):
        return
    if name in ("StrCat", "StrAppend") and _PROSE.search(code):
        return
    arguments = [a for a in node.get_arguments() if a is not None and source.range(a)[0] > span[0]]
    for index, first in enumerate(arguments):
        for second in arguments[index + 1 :]:
            _swap(finder, source, span, first, second, place)


def _swap(finder, source, span, first, second, place):
    one, two = source.range(first), source.range(second)
    kinds = {_bare(argument.type) for argument in (first, second)}
    texts = {source.code(argument) for argument in (first, second)}
    if len(kinds) != 1 or len(texts) != 2 or one[1] > two[0] or "" in texts:
        return
    text = source.text
    new = (
        text[span[0] : one[0]] + text[slice(*two)] + text[one[1] : two[0]]
        + text[slice(*one)] + text[two[1] : span[1]]
    )  # fmt: skip
    finder.add(
        place, "swap-arguments",
        [(*one, text[slice(*two)]), (*two, text[slice(*one)])],
        [Wrap(*span, f"({SWITCH} ? ({new}) : (", "))")],
    )  # fmt: skip


def _bare(kind):
    name = kind.get_canonical().spelling
    return re.sub(r"\bconst\b|[&\s]", "", name)


def _returned(finder, source, value, place):
    """A condition that is returned. Of literals and comparisons there are other mutants."""
    code = source.code(value)
    comparison = re.search(r"[<>=!]=|[^-]>|<", code)
    is_condition = value.type.get_canonical().spelling == "bool"
    if is_condition and code not in ("true", "false") and not comparison:
        finder.negate(*source.range(value), place)


def _integer(finder, source, node, place):
    code = source.code(node)
    digits = re.match(r"0[xX][0-9a-fA-F']+|[0-9']+", code)
    if digits is None or digits.group(0) != code.rstrip("uUlLzZ"):
        return
    number, suffix = digits.group(0).replace("'", ""), code[len(digits.group(0)) :]
    octal = re.fullmatch("0[0-7]+", number) is not None
    value = int(number, 8 if octal else 0)
    other = 0 if value == 1 else value + 1
    new = f"0{other:o}{suffix}" if octal else f"{other}{suffix}"
    _choose(finder, source, "change-constant", source.range(node), new, place)


def _named_constant(finder, source, node, place):
    target = node.referenced
    span, code = source.range(node), source.code(node)
    if target is None or not code:
        return
    if target.kind == Kind.ENUM_CONSTANT_DECL:
        enum = target.semantic_parent
        names = [c.spelling for c in enum.get_children() if c.kind == Kind.ENUM_CONSTANT_DECL]
        if enum.spelling not in _ENUMS_LEFT and len(names) > 1 and code.endswith(target.spelling):
            other = names[(names.index(target.spelling) + 1) % len(names)]
            new = code[: len(code) - len(target.spelling)] + other
            _choose(finder, source, "change-constant", span, new, place)
    elif target.kind == Kind.VAR_DECL and re.match(r"k[A-Z]", target.spelling):
        if _is_number(node):
            is_time = "chrono::" in node.type.get_canonical().spelling
            new = f"(2 * {code})" if is_time else f"({code} + 1)"
            _choose(finder, source, "change-constant", span, new, place)
