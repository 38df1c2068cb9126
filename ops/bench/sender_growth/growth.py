"""How the sender's cost grows: CPU for a delivery as lanes, parked records and partitions grow."""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ops.bench.figures import Figure
from ops.bench.growing import Lines, Say, chosen_of, worst
from ops.bench.router.cores import busy_seconds
from ops.bench.router.parts import Report, Table
from ops.bench.sender.process import Contender, Family, running
from ops.bench.sender.stretch import Look, Stretch
from ops.bench.sender_growth.ground import Ground, ground_of_its_own

HEAD = ("", "us CPU", "x", "deliveries/s", "start s", "MiB", "core lost to others")
_WARM_UP_SHARE = 0.2
_STUCK_SECONDS = 240.0
AT_MOST_S = 1_200.0  # after so long no other point is begun


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of a line."""

    name: str
    lanes: int = 1_000
    parked: int = 0
    partitions: int = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """`start_s`: from the partitions being given to the first fetch; `mib`: of the process in the end."""

    cell: Cell
    stretch: Stretch
    start_s: float
    mib: float


def lines() -> Mapping[str, Sequence[Cell]]:
    """Only one thing grows along a line."""
    return {
        "lanes": [Cell(f"{n:,} lanes", lanes=n) for n in (1_000, 100_000, 1_000_000)],
        "parked": [Cell(f"{n:,} records parked", parked=n) for n in (0, 10_000, 1_000_000)],
        "partitions": [Cell(f"{n} partitions", partitions=n) for n in (8, 128)],
    }


class Growth(Lines[Measured]):
    """All points, line by line."""

    __slots__ = ()

    def figures(self) -> list[Figure]:
        found = []
        for name, line in self.measured():
            cpu = worst(line, lambda each: each.stretch.cpu_us)
            found.append(Figure(f"sender_growth_{name}_cpu", cpu, "x", f"CPU of a delivery, worst of {name} / first"))
            if name == "parked":
                found += [
                    Figure("sender_start_s", line[-1].start_s, "s", f"start with {line[-1].cell.name}", "< 15"),
                    Figure("sender_parked_mib", line[-1].mib, "MiB", f"memory with {line[-1].cell.name}", "< 400"),
                ]
        return found

    def rows(self) -> Sequence[tuple[str, ...]]:
        """For a table, in the order of HEAD."""
        return self.rows_of(_row)


def _row(each: Measured, first: Measured) -> tuple[str, ...]:
    return (
        each.cell.name,
        f"{each.stretch.cpu_us:.1f}",
        f"{each.stretch.cpu_us / first.stretch.cpu_us:.2f}",
        f"{each.stretch.per_s:,.0f}",
        f"{each.start_s:.2f}",
        f"{each.mib:.0f}",
        f"{each.stretch.others_percent:.0f} %",
    )


def measure(chosen: Collection[str], deliveries: int, say: Say) -> Report:
    """The chosen lines, point by point, each on servers of its own. A point that fails is told."""

    def one(cell: Cell) -> Measured:
        found = measure_cell(cell, deliveries, say)
        say(f"{found.stretch.cpu_us:.1f} us, {found.start_s:.2f} s to start, {found.mib:.0f} MiB")
        return found

    growth = Growth()
    growth.measure(chosen_of(lines(), chosen), one, say, AT_MOST_S)
    return Report(growth.figures(), [Table("how cost grows", HEAD, growth.rows())], growth.failures)


def measure_cell(cell: Cell, deliveries: int, say: Say) -> Measured:
    """A backlog is sent by one process with a provider that does nothing; the first fifth is not counted."""
    with ground_of_its_own(cell.partitions, say) as ground:
        say(f"filling: {cell.parked:,} parked, {deliveries:,} to be sent")
        ground.park(cell.parked)
        ground.fill(deliveries, cell.lanes)
        say("sending")
        with running(Contender.MACHINERY, ground.order()) as process:
            begin = _reached(ground, process, deliveries, int(deliveries * _WARM_UP_SHARE))
            end = _reached(ground, process, deliveries, deliveries)
            return Measured(cell, begin.until(end), _start_s(process), process.memory_mib())


def _reached(ground: Ground, process: Family, filled: int, wanted: int) -> Look:
    """Wait until so many are committed. Raises RuntimeError when the process ends or takes too long."""
    deadline = time.monotonic() + _STUCK_SECONDS
    while True:
        process.check()
        now, done = time.monotonic(), filled - ground.left()
        if done >= wanted:
            return Look(now, done, process.cpu_seconds(), busy_seconds(ground.cores.measured))
        if now > deadline:
            raise RuntimeError(f"{done} of {wanted} were committed: {process.log_end()}")
        time.sleep(0.02)


def _start_s(process: Family) -> float:
    told = [json.loads(line) for line in process.log.read_text().splitlines() if '"assigned"' in line]
    if not told:
        raise RuntimeError("it was never given partitions")
    return float(told[-1]["took_ms"]) / 1000
