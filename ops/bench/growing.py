"""How cost grows: points along lines, each line compared with its first point."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from confluent_kafka import KafkaException

Say = Callable[[str], None]


class Point(Protocol):
    """What is measured: one point of a line."""

    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Point)
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Lines(Generic[M]):
    """All that was measured, line by line; the first of each line is what the others are compared with."""

    lines: dict[str, list[M]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def measured(self) -> Iterator[tuple[str, list[M]]]:
        """The lines, by name, of which there is something to show."""
        return ((name, line) for name, line in self.lines.items() if line)

    def rows_of(self, row: Callable[[M, M], tuple[str, ...]]) -> Sequence[tuple[str, ...]]:
        """For a table: `row` is given each one and the first of its line."""
        return [row(each, line[0]) for _, line in self.measured() for each in line]

    def measure(self, wanted: Mapping[str, Sequence[P]], one: Callable[[P], M], say: Say, seconds: float) -> None:
        """These lines, point by point, in about so many seconds."""
        until = time.monotonic() + seconds
        for name, points in wanted.items():
            self.lines[name] = []
            self.take(name, points, one, say, until)

    def take(self, name: str, points: Sequence[P], measure: Callable[[P], M], say: Say, until: float) -> None:
        """Measure the points of one line. One that fails is told; what is not begun `until` then (monotonic) too."""
        for at, point in enumerate(points, 1):
            if time.monotonic() > until:
                self.failures.append(f"{point.name}: no time was left for it")
                continue
            say(f"{name}, {at} of {len(points)}: {point.name}")
            try:
                self.lines[name].append(measure(point))
            except (RuntimeError, ValueError, KafkaException) as error:
                self.failures.append(f"{point.name}: {error}")


def worst(line: Sequence[M], value: Callable[[M], float]) -> float:
    """The largest of a line, as a multiple of its first."""
    return max(map(value, line)) / value(line[0])


def chosen_of(lines: Mapping[str, Sequence[P]], chosen: Collection[str]) -> dict[str, Sequence[P]]:
    """Those lines that were chosen, in their own order."""
    return {name: points for name, points in lines.items() if name in chosen}
