"""What a statement reads and writes, as far as its text and its types show.

Swapping two statements that have nothing to do with each other changes nothing, so that is not
tried. This errs on the side of trying.
"""

import re

from source import Kind

# How a protobuf message is written: one field at a time, and the others do not know of it.
_FIELD_WRITER = re.compile(r"(?:set|mutable|add|clear)_(\w+)")
_ASSIGNS = {Kind.COMPOUND_ASSIGNMENT_OPERATOR}


class Effects:
    """The variables of one statement, as chains of names: `effects.changes`, `this.timers_`."""

    def __init__(self, source, statement):
        self._source = source
        self.read = set()
        self.written = set()
        self._walk(statement)

    def may_disturb(self, other):
        return (
            _meet(self.written, other.read | other.written)
            or _meet(other.written, self.read | self.written)
        )  # fmt: skip

    def _walk(self, node):
        field = self._field(node)
        if field:
            self.written.add(field)
            for argument in node.get_arguments():
                self._walk(argument)
            return
        children = list(node.get_children())
        if node.kind == Kind.CALL_EXPR:
            self._call(node, children)
        elif node.kind == Kind.BINARY_OPERATOR and len(children) == 2:
            operator = self._source.token_at(self._source.range(children[0])[1])[2]
            if operator == "=":
                self._write(children[0])
        elif node.kind in _ASSIGNS:
            self._write(children[0])
        elif node.kind == Kind.UNARY_OPERATOR:
            if any(step in self._source.code(node) for step in ("++", "--")):
                self._write(children[0])
        name = self._chain(node)
        if name:
            self.read.add(name)
            if "(" not in name and "[" not in name:
                return
        for child in children:
            self._walk(child)

    def _call(self, node, children):
        called = node.referenced
        if called is None:
            return
        is_member = called.kind == Kind.CXX_METHOD and not called.is_static_method()
        if is_member and not called.is_const_method():
            # Its object comes first, inside the reference to the method, or before an operator.
            target = children[0] if children else None
            is_operator = node.spelling.startswith("operator")
            if target is not None and target.kind == Kind.MEMBER_REF_EXPR and not is_operator:
                inner = list(target.get_children())
                objects = [c for c in inner if c.kind.is_expression()]
                if objects:
                    self._write(objects[0])
                else:
                    self.written.add("this")
            elif target is not None:
                self._write(target)
        for argument, parameter in zip(node.get_arguments(), called.get_arguments()):
            kind = parameter.type.spelling
            moved = kind.endswith("&&") and self._source.code(argument).startswith("std::move")
            changed = kind.endswith((" &", " *")) and not kind.startswith("const ")
            if moved or changed:
                self._write(argument)

    def _write(self, node):
        """Whatever the expression is about: `table.at(x)` is about `table`."""
        while node is not None:
            name = self._chain(node) or self._field(node)
            if name:
                self.written.add(name)
                return
            node = next((c for c in node.get_children() if c.kind.is_expression()), None)

    def _field(self, node):
        """`request.key` for `request.set_key(...)`, `request.tags` for `request.mutable_tags()`."""
        called = node.referenced if node.kind == Kind.CALL_EXPR else None
        if called is None or called.kind != Kind.CXX_METHOD:
            return ""
        writer = _FIELD_WRITER.fullmatch(called.spelling)
        if not writer:
            return ""
        message = next(node.get_children(), None)
        while message is not None:
            name = self._chain(message) or self._field(message)
            if name:
                return f"{name}.{writer.group(1)}"
            message = next((c for c in message.get_children() if c.kind.is_expression()), None)
        return ""

    def _chain(self, node):
        target = node.referenced
        if target is None:
            return ""
        if node.kind == Kind.DECL_REF_EXPR and target.kind in (Kind.VAR_DECL, Kind.PARM_DECL):
            of_file = target.semantic_parent.kind == Kind.NAMESPACE
            constant = of_file and target.type.is_const_qualified()
            return "" if constant else target.spelling
        if node.kind == Kind.MEMBER_REF_EXPR and target.kind == Kind.FIELD_DECL:
            text = "".join(self._source.code(node).split()).replace("->", ".")
            inner = [c for c in node.get_children() if c.kind.is_expression()]
            return text.removeprefix("this.") if inner else f"this.{text}"
        return ""


def _meet(some, others):
    return any(
        one == other or one.startswith(other + ".") or other.startswith(one + ".")
        for one in some
        for other in others
    )
