"""The lines between a supervisor (its standard input and output) and whoever started it. JSON, one a line.

Towards the supervisor: the plan, then commands. From it: what happens (`Kind`), and one reply per command.
"""

import contextlib
import os
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from ops.devstack.record import Record

T = TypeVar("T")
MOST_UNREAD_BYTES = 1_000_000


class Kind(StrEnum):
    """What a line from the supervisor says."""

    PROGRESS = "progress"  # a step of the start
    EVENT = "event"  # something ended or was started again
    READY = "ready"  # all runs; `record` tells where
    BUSY = "busy"  # another supervisor runs on this folder; `record` tells where
    FAILED = "failed"  # the stack is over; `text` tells why
    REPLY = "reply"  # to command `number`; `text` is "" or what went wrong


@dataclass(frozen=True, slots=True)
class Line:
    """One line from the supervisor."""

    kind: Kind
    text: str = ""
    number: int = 0
    record: Record | None = None
    pids: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One command to the supervisor: `start` or `stop` a server or process by name, or tell all `pids`."""

    number: int
    do: str
    name: str = ""


def encode(value: object) -> bytes:
    """One line."""
    return msgspec.json.encode(value) + b"\n"


class Inlet:
    """Reads lines from a file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self._rest = descriptor, b""

    def read(self) -> list[bytes] | None:
        """The lines that have come whole; waits for some bytes; None at the end of the file."""
        with contextlib.suppress(InterruptedError):
            if not (more := os.read(self.descriptor, 65536)):
                return None
            *lines, self._rest = (self._rest + more).split(b"\n")
            return lines
        return []

    def first(self, kind: type[T]) -> tuple[T, list[bytes]]:
        """Wait for the first line; also any lines that came with it. EOFError when there is none."""
        while not (lines := self.read()):
            if lines is None:
                raise EOFError("no plan came")
        return msgspec.json.decode(lines[0], type=kind), lines[1:]


class Outlet:
    """Writes lines to a pipe whose reader may be slow or gone; neither may hold the supervisor up. Thread-safe."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self._lock, self._rest = descriptor, threading.Lock(), b""
        os.set_blocking(descriptor, False)

    def tell(self, line: Line) -> None:
        """Write one line; nothing when the reader is gone, or has not read for a long time."""
        with self._lock, contextlib.suppress(OSError):
            if len(self._rest) < MOST_UNREAD_BYTES:
                self._rest += encode(line)
            while self._rest:  # ends by BlockingIOError when the pipe is full
                self._rest = self._rest[os.write(self.descriptor, self._rest) :]
