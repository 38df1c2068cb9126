"""Liquid as templates may use it: strict, bounded, and a function of its values alone.

A variable that is undefined or null fails the rendering where it would be printed or used: a message with a hole must
not go out. It may be tested with `if` and given a `default`. There is no clock (`now`, `today` do not exist) and no
file (`include`, `render` do not exist). Loops, local values and output are bounded.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from io import StringIO
from typing import Any, TextIO

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.exceptions import (
    LiquidError,
    LiquidInterrupt,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
    UndefinedError,
)
from liquid.output import LimitedStringIO
from liquid.stringify import to_liquid_string
from liquid.token import Token
from liquid.undefined import FalsyStrictUndefined, Undefined
from liquid.utils import ReadOnlyChainMap

from streams.domain.template_program import Limits, Program, program_of

OUTPUT_BYTES = 512 * 1024
LOOP_ITERATIONS = 10_000
LOCAL_BYTES = 1024 * 1024

_LIMITS = Limits(OUTPUT_BYTES, LOOP_ITERATIONS)
_TOO_LARGE = f"larger than {OUTPUT_BYTES // 1024} kB allowed"
_PATH = re.compile(r"[\w\-.\[\]'\"]+")
_SNIPPET = 80


class WrongTemplate(ValueError):
    """A template cannot be read or rendered. `said` quotes the template, never a value; `line` 0: unknown."""

    def __init__(self, said: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {said}" if line else said)
        self.said = said
        self.line = line


class Hole(LiquidError):
    """Something printed or filtered is null, or a whole object that no reader could make sense of."""


class CompiledTemplate:
    """A parsed template; rendering it changes nothing in it."""

    def __init__(self, template: BoundTemplate, program: Program | None = None) -> None:
        """`program`: the same in less time; what it raises for is left to Liquid, which also has the words for it."""
        self._template = template
        self.program = program

    def variables(self) -> frozenset[str]:
        """The names it takes from its values: `order` for `{{ order.id }}`."""
        return frozenset(self._template.analyze().globals)

    def render(self, values: Mapping[str, object]) -> str:
        """The text, at most OUTPUT_BYTES in UTF-8. Raises WrongTemplate."""
        if self.program is not None:
            try:
                text = self.program(values)
            except Exception:
                text = None
            if text is not None:
                return _checked(text)
        return self.render_by_liquid(values)

    def render_by_liquid(self, values: Mapping[str, object]) -> str:
        """The same by Liquid alone: what is rendered fast is tested against it."""
        context = _Context(self._template, globals=values)
        buffer = _Buffer(limit=OUTPUT_BYTES)
        token: Token | None = None
        try:
            for node in self._template.nodes:
                token = node.token
                node.render(context, buffer)
        except LiquidError as error:
            raise _told(error, error.token or token) from None
        except LiquidInterrupt:
            raise WrongTemplate("break and continue stand outside a loop", _line(token)) from None
        except Exception:  # whatever a filter does with strange values is the rendering's failure, not the sender's
            raise WrongTemplate(f"{_snippet(token)} does not fit its value", _line(token)) from None
        return _checked(buffer.getvalue())


def compile_template(source: str, html: bool) -> CompiledTemplate:
    """Parse it; `html`: values are escaped when printed. Raises WrongTemplate for what this Liquid does not know."""
    environment = _HTML if html else _PLAIN
    try:
        template = environment.from_string(source)
        for name, spans in template.analyze().filters.items():
            if name not in environment.filters:
                raise WrongTemplate(f"there is no filter {name!r}", source.count("\n", 0, spans[0].index) + 1)
    except LiquidError as error:
        raise WrongTemplate(_message(error), _line(error.token) or source.rstrip().count("\n") + 1) from None
    return CompiledTemplate(template, program_of(template.nodes, html, environment.filters, _LIMITS))


class _Buffer(LimitedStringIO):
    """Counts characters, a tenth of Liquid's cost of counting bytes; the bytes are counted once, at the end."""

    def write(self, text: str) -> int:
        self.size += len(text)
        if self.size > self.limit:
            raise OutputStreamLimitError("", token=None)
        return StringIO.write(self, text)


def _checked(text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise WrongTemplate("a value is not valid Unicode") from None
    if size > OUTPUT_BYTES:
        raise WrongTemplate(_TOO_LARGE)
    return text


class _Context(RenderContext):
    """Without Liquid's `now` and `today`: a rendering is a function of its values."""

    def __init__(self, template: BoundTemplate, **given: Any) -> None:
        super().__init__(template, **given)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)


class _NoHoles(OutputNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.expression.evaluate(context)
        if value is None or isinstance(value, dict):
            raise Hole("null" if value is None else "an object, not a text", token=self.token)
        return buffer.write(to_liquid_string(value, context.autoescape))


class _EchoNoHoles(_NoHoles, EchoNode):
    pass


class _Output(Output):
    node_class = _NoHoles


class _Echo(EchoTag):
    node_class = _EchoNoHoles


def _no_holes(kept: Callable[..., Any]) -> Callable[..., Any]:
    """Liquid's own filters read an undefined number as 0 and an undefined date as nothing."""

    @functools.wraps(kept)
    def checked(left: object, *args: object, **kwargs: object) -> Any:
        if left is None:
            raise Hole("null", token=None)
        if isinstance(left, range) and len(left) > LOOP_ITERATIONS:
            raise LoopIterationLimitError("range too long", token=None)
        for value in (left, *args):
            if isinstance(value, Undefined):
                str(value)  # raises, naming the variable
        return kept(left, *args, **kwargs)

    return checked


def _date(value: object, form: str) -> str:
    """`{{ ordered_at | date: "%d %B %Y" }}`: from ISO 8601 text only, so that no clock and no time zone is guessed."""
    return datetime.fromisoformat(str(value)).strftime(form)


class _Environment(Environment):
    output_stream_limit = OUTPUT_BYTES
    loop_iteration_limit = LOOP_ITERATIONS
    local_namespace_limit = LOCAL_BYTES

    def __init__(self, autoescape: bool) -> None:
        super().__init__(undefined=FalsyStrictUndefined, autoescape=autoescape)
        del self.tags["include"], self.tags["render"]
        self.add_tag(_Output)
        self.add_tag(_Echo)
        self.filters["date"] = _date
        for name, kept in self.filters.items():
            if name != "default":
                self.filters[name] = _no_holes(kept)


_HTML = _Environment(autoescape=True)
_PLAIN = _Environment(autoescape=False)


def _told(error: LiquidError, token: Token | None) -> WrongTemplate:
    """The error in words that quote the template only: Liquid's own messages may quote values."""
    line, where = _line(token), _snippet(token)
    if isinstance(error, UndefinedError):
        return WrongTemplate(f"{_variable(token) or where} is undefined", line)
    if isinstance(error, LoopIterationLimitError):
        return WrongTemplate(f"more than {LOOP_ITERATIONS:,} turns in {where}", line)
    if isinstance(error, ResourceLimitError):
        return WrongTemplate(_TOO_LARGE, line)
    if isinstance(error, Hole):
        return WrongTemplate(f"{where} is {_message(error)}", line)
    return WrongTemplate(f"{where} does not fit its value", line)


def _message(error: LiquidError) -> str:
    return str(error.args[0]) if error.args else type(error).__name__


def _lines(token: Token | None) -> Iterator[int]:
    if token is not None and token.start_index >= 0:
        yield token.source.count("\n", 0, token.start_index)


def _line(token: Token | None) -> int:
    return next((line + 1 for line in _lines(token)), 0)


def _snippet(token: Token | None) -> str:
    """The line of the template at this token."""
    for line in _lines(token):
        assert token is not None
        return f"`{token.source.splitlines()[line].strip()[:_SNIPPET]}`"
    return "the template"


def _variable(token: Token | None) -> str:
    """The variable at this token as the template writes it."""
    found = _PATH.match(token.source, token.start_index) if token is not None and token.start_index >= 0 else None
    return found[0] if found else ""
