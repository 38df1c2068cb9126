"""The logs of a stack: one file per server and process, the last run's beside it."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of one log."""

    name: str
    text: str


def log_names(data: Path) -> list[str]:
    """Which logs there are."""
    return sorted(path.stem for path in (data / "log").glob("*.log"))


@dataclass(frozen=True, slots=True)
class Place:
    """How far a log is read: which file (its inode), and the offset in bytes."""

    inode: int = 0
    offset: int = 0


def last_lines(data: Path, name: str, count: int) -> tuple[list[LogLine], Place]:
    """The end of one log, and where it ended: `follow` goes on from there."""
    lines, place = _read(data / "log" / f"{name}.log", Place())
    return [LogLine(name, line) for line in lines[max(0, len(lines) - count) :]], place


def follow(data: Path, places: dict[str, Place]) -> Iterator[LogLine]:
    """New lines of these logs as they come, without end; a log that is begun anew is read from its beginning."""
    places = dict(places)
    while True:
        for name in places:
            lines, places[name] = _read(data / "log" / f"{name}.log", places[name])
            yield from (LogLine(name, line) for line in lines)
        time.sleep(POLL_SECONDS)


def _read(path: Path, place: Place) -> tuple[list[str], Place]:
    """The whole lines after this place."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        inode = os.fstat(file.fileno()).st_ino
        offset = place.offset if inode == place.inode else 0
        file.seek(offset)
        whole, newline, _ = file.read().rpartition(b"\n")
        lines = whole.decode(errors="replace").split("\n") if newline else []
        return lines, Place(inode, offset + len(whole) + len(newline))
    return [], place
