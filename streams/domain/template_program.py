"""A template as a Python function: a fifteenth of the time Liquid takes to walk through its nodes.

It covers what most templates are made of: text, variables, filters with literal arguments, `if` and `unless` on a
variable, `for` over a list. Whatever is unusual, in the template or in a value, is left to Liquid: then there is no
program, or it raises. So a program needs to be right only where it returns, and says nothing of its own in an error.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from liquid import Markup
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import BooleanExpression, FilteredExpression, Path, PositionalArgument
from liquid.builtin.expressions.primitive import IntegerLiteral, StringLiteral
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode

Program = Callable[[Mapping[str, object]], str]
"""program(values): the text. Raises anything: ask Liquid."""

_SPECIAL = frozenset({"size", "first", "last"})  # Liquid reads them of lists and texts too
_LOOP = "forloop"
_MARKS = re.compile("[&<>'\"]")
_RUN = 8  # pieces that are put together before their size is looked at


class Limits:
    """Characters of the text, turns of nested loops."""

    __slots__ = ("characters", "turns")

    def __init__(self, characters: int, turns: int) -> None:
        self.characters, self.turns = characters, turns


class Unusual(Exception):
    """Left to Liquid."""


def program_of(
    nodes: Sequence[Node], html: bool, filters: Mapping[str, Callable[..., Any]], limits: Limits
) -> Program | None:
    """None: this template has something that only Liquid knows. `html`: values are escaped when printed."""
    writing = _Writing(html, filters, limits)
    try:
        writing.nodes(nodes, "v", "1", mute=False)
        source = (
            "def program(v):\n size = 0\n out = []\n put = out.append\n"
            + "".join(writing.lines)
            + " return join(out)\n"
        )
        code = compile(source, "<template>", "exec")
    except (Unusual, SyntaxError, RecursionError, MemoryError):  # Python nests less deep than Liquid
        return None
    names = writing.names
    exec(code, names)  # noqa: S102 (nothing of the template's text is in it)
    made: Program = names["program"]
    return made


class _Writing:
    """Writes the source. Texts and keys of the template are in `names`, never in the source."""

    def __init__(self, html: bool, filters: Mapping[str, Callable[..., Any]], limits: Limits) -> None:
        self._html, self._filters = html, filters
        self.names: dict[str, Any] = {
            "join": "".join, "other": _other, "marked": _MARKS.search, "escaped": _escaped, "checked_list": _list,
            "maybe": _maybe, "truth": _truth, "turns": _checker(limits.turns), "Unusual": Unusual,
            "most": limits.characters,
        }  # fmt: skip
        self.lines: list[str] = []
        self._loops: list[tuple[str, str]] = []

    def nodes(self, nodes: Sequence[Node], indent: str, turns: str, mute: bool) -> None:
        """`indent`: as many letters as the depth of the block. `mute`: blank blocks are walked through, not printed."""
        run: list[str] = []
        for node in nodes:
            if isinstance(node, ContentNode):
                if not mute:
                    run.append(self._kept(node.text))
            elif isinstance(node, OutputNode):
                run.append(self._printed(self._value(node.expression)))
            else:
                self._put(run, indent)
                self._control(node, indent, turns)
            if len(run) >= _RUN:
                self._put(run, indent)
        self._put(run, indent)

    def _put(self, run: list[str], indent: str) -> None:
        if run:
            self._line(indent, f"chunk = join(({', '.join(run)},))")
            self._line(indent, "size += len(chunk)")
            self._line(indent, "if size > most: raise Unusual")
            self._line(indent, "put(chunk)")
            run.clear()

    def _printed(self, value: str) -> str:
        """Most values are texts that stand there as they are: those cost no call of ours."""
        as_text = "(escaped(x) if marked(x) else x)" if self._html else "x"
        return f"({as_text} if type(x := {value}) is str else other(x))"

    def _control(self, node: Node, indent: str, turns: str) -> None:
        if isinstance(node, ForNode):
            self._loop(node, indent, turns)
        elif isinstance(node, IfNode | UnlessNode):
            self._condition(node, indent, turns)
        else:
            raise Unusual

    def _condition(self, node: IfNode | UnlessNode, indent: str, turns: str) -> None:
        negated = "not " if isinstance(node, UnlessNode) else ""
        self._line(indent, f"if {negated}{self._truth(node.condition)}:")
        self._block(node.consequence, indent, turns)
        for other in node.alternatives:
            self._line(indent, f"elif {self._truth(other.expression)}:")
            self._block(other.block, indent, turns)
        if node.default:
            self._line(indent, "else:")
            self._block(node.default, indent, turns)

    def _loop(self, node: ForNode, indent: str, turns: str) -> None:
        over = node.expression
        if over.limit or over.offset or over.reversed or over.cols or not isinstance(over.iterable, Path):
            raise Unusual
        number = len(self.names)
        some, each, count = f"some{number}", f"each{number}", f"count{number}"
        self.names[each] = None  # so that no other loop has this number
        self._line(indent, f"{some} = checked_list({self._strict(over.iterable)})")
        self._line(indent, f"{count} = turns({turns} * len({some}))")
        self._line(indent, f"for {each} in {some}:")
        self._loops.append((over.identifier, each))
        self._block(node.block, indent, count)
        self._loops.pop()
        if node.default:
            self._line(indent, f"if not {some}:")
            self._block(node.default, indent, turns)

    def _block(self, block: BlockNode, indent: str, turns: str) -> None:
        self._line(indent + "v", "pass")
        self.nodes(block.nodes, indent + "v", turns, mute=block.blank)

    def _truth(self, condition: object) -> str:
        if isinstance(condition, BooleanExpression) and isinstance(condition.expression, Path):
            return f"truth({self._lenient(condition.expression)})"
        raise Unusual

    def _value(self, expression: object) -> str:
        if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path):
            raise Unusual
        filters = expression.filters or []
        lenient = bool(filters) and filters[0].name == "default"
        made = self._lenient(expression.left) if lenient else self._strict(expression.left)
        for each in filters:
            call = self._filters.get(each.name)
            if call is None or hasattr(call, "with_context") or hasattr(call, "with_environment"):
                raise Unusual
            arguments = "".join(f", {self._literal(argument)}" for argument in each.args)
            made = f"{self._kept(call)}({made}{arguments})"
        return made

    def _literal(self, argument: object) -> str:
        value = argument.value if isinstance(argument, PositionalArgument) else None
        if isinstance(value, StringLiteral):
            return self._kept(Markup(value.value) if self._html else value.value)
        if isinstance(value, IntegerLiteral):
            return self._kept(value.value)
        raise Unusual

    def _strict(self, path: Path) -> str:
        """The value at this path, which must be there."""
        root, keys = self._place(path)
        return root + "".join(f"[{key}]" for key in keys)

    def _lenient(self, path: Path) -> str:
        """The value at this path; None: there is none."""
        root, keys = self._place(path, lenient=True)
        return f"maybe({root}, {', '.join(keys)})" if keys else root

    def _place(self, path: Path, lenient: bool = False) -> tuple[str, list[str]]:
        head, *rest = path.path
        if not isinstance(head, str) or head == _LOOP or not all(_is_key(key) for key in rest):
            raise Unusual
        keys = [self._kept(key) for key in rest]
        for name, variable in reversed(self._loops):
            if name == head:
                return variable, keys
        return (f"v.get({self._kept(head)})", keys) if lenient else ("v", [self._kept(head), *keys])

    def _kept(self, value: object) -> str:
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def _line(self, indent: str, code: str) -> None:
        self.lines.append(" " * len(indent) + code + "\n")


def _is_key(segment: object) -> bool:
    return isinstance(segment, str) and segment not in _SPECIAL


def _other(value: object) -> str:
    """What is printed of a value that is no plain text."""
    if type(value) is Markup:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is int or type(value) is float:
        return str(value)
    raise Unusual


def _escaped(value: str) -> str:
    """What markupsafe's `escape` gives, in a third of the time."""
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value.replace("'", "&#39;").replace('"', "&#34;")


def _truth(value: object) -> bool:
    return value is not None and value is not False


def _list(value: object) -> list[object]:
    if type(value) is list:
        return value
    raise Unusual


def _maybe(value: object, *keys: str) -> object:
    for key in keys:
        if type(value) is dict:
            value = value.get(key)
        elif value is None or type(value) in (str, int, float, bool, list):
            return None
        else:
            raise Unusual
    return value


def _checker(limit: int) -> Callable[[int], int]:
    def check(amount: int) -> int:
        if amount > limit:
            raise Unusual
        return amount

    return check
