"""Readers generated from an .avsc: they check every byte of a record and pick out what is asked for.

fastavro interprets a schema field by field and builds the whole value (about 6 us); routing needs a few fields and the
certainty that the rest is sound. `reader(schema, *picks)` writes the Python that walks one schema in a straight line
(about 1 us) and compiles it. It is stricter than fastavro, which reads negative union and enum indexes from the end of
the list and lets a varint go on for ever: what a reader accepts, fastavro reads to the same values, and the contrary
holds but for those.

`print(source_of(load(FOLDER / "Notification.avsc")))` shows what is generated.
"""

import linecache
import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

from schemas.picks import Pick
from schemas.reader_source import source_of

_DOUBLE = struct.Struct("<d")
# From the first byte of a text to its end, when that byte is its whole length; 0: it is not, or it is wrong.
_STEPS = tuple(0 if size & 1 or size > 127 else 1 + size // 2 for size in range(256))
_COUNTS = tuple(-1 if items & 1 or items > 127 else items // 2 for items in range(256))  # the same for a block of items

Reader = Callable[[bytes, int], tuple[Any, ...]]


def reader(schema: Mapping[str, Any], *picks: Pick) -> Reader:
    """read(data, at) -> what was picked, in order: a record of this schema starts at `at` and ends where `data` ends.

    The reader raises IndexError or ValueError when the bytes are anything else. `schema` is a record without recursion.
    """
    source = source_of(schema, *picks)
    name = f"<reader of {schema['name']}: {', '.join(map(str, picks))}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)  # so that a traceback shows the line
    names: dict[str, Any] = {each.__name__: each for each in (long, end_of_long, length, count, double, wrong_end)}
    names |= {"steps": _STEPS, "counts": _COUNTS}
    exec(compile(source, name, "exec"), names)  # noqa: S102 (nothing of the schema's text is in it but as a literal)
    return cast(Reader, names["read"])


def long(data: bytes, at: int) -> tuple[int, int]:
    """(value, position after it) of a zigzag varint of at most 64 bits."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
    if value >> 64:
        raise ValueError("a number of more than 64 bits")
    return value >> 1 ^ -(value & 1), at


def end_of_long(data: bytes, at: int) -> int:
    """The position after a varint."""
    return long(data, at)[1]


def length(data: bytes, at: int) -> tuple[int, int]:
    """(number of bytes, position after it) before a string."""
    found, at = long(data, at)
    if found < 0:
        raise ValueError("a negative length")
    return found, at


def count(data: bytes, at: int) -> tuple[int, int]:
    """(number of items, position of the first) of a block of an array or map. A negative count: a size follows it.

    Each item takes a byte or more: a count above that is refused before anybody counts to it.
    """
    found, at = long(data, at)
    if found < 0:
        found, at = -found, end_of_long(data, at)
    if found > len(data) - at:
        raise ValueError(f"a block of {found} items in {len(data) - at} bytes")
    return found, at


def double(data: bytes, at: int) -> float:
    """A number of eight bytes."""
    if len(data) < at + _DOUBLE.size:
        raise IndexError("a number that is cut off")
    return float(_DOUBLE.unpack_from(data, at)[0])


def wrong_end(data: bytes, at: int) -> ValueError:
    """What is raised when the record does not end at `at`."""
    over = len(data) - at
    return ValueError(f"{over} bytes follow it" if over > 0 else f"it lacks {-over} bytes")
