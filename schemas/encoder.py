"""Encoders generated from an .avsc: the bytes that fastavro writes, in a quarter of its time.

fastavro interprets a schema field by field and takes the whole value as a dict. `encoder(fields)` writes the Python
that encodes one run of fields, given as arguments in their order, and compiles it. It knows text, numbers, null or one
of these, and records, which are given as tuples of their fields.
"""

import linecache
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

Encoder = Callable[..., bytes]

_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)
_double = struct.Struct("<d").pack


def long(number: int) -> bytes:
    """A number as a zigzag varint. Raises ValueError when it has more than 64 bits."""
    if not _SMALLEST <= number <= _LARGEST:
        raise ValueError("a number of more than 64 bits")
    left, made = number << 1 ^ number >> 63, bytearray()
    while left > 127:
        made.append(left & 127 | 128)
        left >>= 7
    made.append(left)
    return bytes(made)


SIZES = tuple(map(long, range(4096)))
"""The usual lengths and small numbers, encoded."""
_GIVEN = tuple(b"\x02" + size for size in SIZES)  # lengths of a text that may be null, behind the branch


def text(value: str) -> bytes:
    """A text behind its length. Raises UnicodeEncodeError."""
    made = value.encode()
    size = len(made)
    return (SIZES[size] if size < 4096 else long(size)) + made


def encoder(fields: Sequence[Mapping[str, Any]]) -> Encoder:
    """encode(*values) -> the fields, one after the other. Raises ValueError for a type that no encoder knows.

    What it gives is right for values of the right types. It raises ValueError for a text that is no Unicode, for a
    number of more than 64 bits and for a record of another number of fields.
    """
    source = _Source().function(fields)
    name = f"<encoder of {', '.join(str(field['name']) for field in fields)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)  # so that a traceback shows the line
    names: dict[str, Any] = {
        "double": _double, "join": b"".join, "sizes": SIZES, "given": _GIVEN,
        "moment": lru_cache(4096)(long),  # times: within a millisecond all records have the same
    }  # fmt: skip
    exec(compile(source, name, "exec"), names)  # noqa: S102 (nothing of the schema's text is in it)
    return cast(Encoder, names["encode"])


class _Source:
    """Each value becomes pieces, which are joined at the end."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._pieces: list[str] = []
        self._depth = 0
        self._made = 0

    def function(self, fields: Sequence[Mapping[str, Any]]) -> str:
        names = [self._new() for _ in fields]
        with self._block(f"def encode({', '.join(names)}):"):
            for field, name in zip(fields, names, strict=True):
                self._value(field["type"], name)
            self._line(f"return join(({''.join(f'{piece}, ' for piece in self._pieces)}))")
        return "\n".join(self._lines) + "\n"

    def _new(self) -> str:
        self._made += 1
        return f"v{self._made}"

    def _line(self, code: str) -> None:
        self._lines.append("    " * self._depth + code)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._line(head)
        self._depth += 1
        yield
        self._depth -= 1

    def _value(self, schema: Any, name: str) -> None:
        match schema:
            case [one, other] if "null" in schema:
                self._perhaps(one == "null", other if one == "null" else one, name)
            case {"type": "record", "fields": fields}:
                parts = [self._new() for _ in fields]
                self._line(f"{''.join(f'{part}, ' for part in parts)} = {name}")
                for field, part in zip(fields, parts, strict=True):
                    self._value(field["type"], part)
            case "int" | "long":
                self._line(f"{name} = sizes[{name}] if 0 <= {name} < 4096 else moment({name})")
                self._pieces.append(name)
            case {"type": inner} if inner not in ("array", "map", "enum", "fixed"):
                self._value(inner, name)
            case "string":
                size = self._new()
                self._line(f"{name} = {name}.encode()")
                self._line(f"{size} = len({name})")
                self._line(f"{size} = sizes[{size}] if {size} < 4096 else moment({size})")
                self._pieces += (size, name)
            case "double":
                self._line(f"{name} = double({name})")
                self._pieces.append(name)
            case _:
                raise ValueError(f"no encoder for the type {schema!r}")

    def _perhaps(self, null_first: bool, schema: Any, name: str) -> None:
        """Null or something: one piece, made apart; a text, as most of them are, is two."""
        null, other = (b"\0", b"\x02") if null_first else (b"\x02", b"\0")
        if null_first and schema == "string":
            size = self._new()
            with self._block(f"if {name} is None:"):
                self._line(f"{size}, {name} = {null!r}, b''")
            with self._block("else:"):
                self._line(f"{name} = {name}.encode()")
                self._line(f"{size} = len({name})")
                self._line(f"{size} = given[{size}] if {size} < 4096 else {other!r} + moment({size})")
            self._pieces += (size, name)
            return
        with self._block(f"if {name} is None:"):
            self._line(f"{name} = {null!r}")
        with self._block("else:"):
            around, self._pieces = self._pieces, []
            self._value(schema, name)
            inner, self._pieces = self._pieces, around
            self._line(f"{name} = join(({other!r}, {', '.join(inner)}))")
        self._pieces.append(name)
