"""How cost grows: CPU for an event and p99 as recipients, partitions, types and differences between people grow."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ops.bench.figures import Figure
from ops.bench.growing import Lines, Say, chosen_of, worst
from ops.bench.router.data import Mix
from ops.bench.router.latency import Stretch, stretches
from ops.bench.router.process import Contender, running
from ops.bench.router.site import Site
from ops.bench.router.throughput import Amounts
from ops.bench.router.window import Watch, Window

RATE = 2_000
AT_MOST_S = 3_600.0  # after so long no other point is begun
_BASE_PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of a line: `of` what there are `size`."""

    of: str
    size: str
    mix: Mix
    partitions: int = _BASE_PARTITIONS

    @property
    def name(self) -> str:
        return f"{self.size} {self.of}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one point costs."""

    cell: Cell
    window: Window
    latency: Stretch


def lines() -> Mapping[str, Sequence[Cell]]:
    """Only one thing grows along a line."""
    recipients = [1_000, 100_000, 1_000_000]
    shares = {"none": 0.0, "10 %": 0.1, "all": 1.0}
    return {
        "recipients": [Cell("recipients", f"{n:,}", Mix(recipients=n)) for n in recipients],
        "partitions": [Cell("partitions", f"{n}", Mix(), n) for n in (8, 64, 512)],
        "types": [Cell("types", f"{n:,}", Mix(types=n)) for n in (10, 1_000)],
        "unlike": [Cell("of 100,000 are like nobody else", name, Mix(100_000, unlike=n)) for name, n in shares.items()],
    }


class Growth(Lines[Measured]):
    """All points, line by line."""

    __slots__ = ()

    def figures(self) -> list[Figure]:
        found = []
        for name, line in self.measured():
            cpu, slowest = worst(line, lambda each: each.window.cpu_us), worst(line, lambda each: each.latency.p99)
            found += [
                Figure(f"growth_{name}_cpu", cpu, "x", f"CPU for an event, worst of {name} / first"),
                Figure(f"growth_{name}_p99", slowest, "x", f"p99 at {RATE:,}/s, worst of {name} / first"),
            ]
        return found

    def rows(self) -> Sequence[tuple[str, ...]]:
        """For a table, in the order of HEAD."""
        return self.rows_of(_row)


HEAD = ("", "us CPU", "x", "events/s", "p50 ms", "p99 ms", "x", "core lost to others")


def _row(each: Measured, first: Measured) -> tuple[str, ...]:
    window, latency = each.window, each.latency
    return (
        each.cell.name,
        f"{window.cpu_us:.1f}",
        f"{window.cpu_us / first.window.cpu_us:.2f}",
        f"{window.events_per_s:,.0f}",
        f"{latency.p50:.1f}",
        f"{latency.p99:.1f}",
        f"{latency.p99 / first.latency.p99:.2f}",
        f"{window.others_percent:.0f} %",
    )


def measure(site: Site, chosen: Collection[str], amounts: Amounts, seconds: float, say: Say) -> Growth:
    """The chosen lines, point by point: a backlog, then so many seconds at 2,000/s. A point that fails is told."""

    def one(cell: Cell) -> Measured:
        found = measure_cell(site, cell, amounts, seconds)
        say(f"{found.window.cpu_us:.1f} us an event, p99 {found.latency.p99:.1f} ms")
        return found

    growth = Growth()
    growth.measure(chosen_of(lines(), chosen), one, say, AT_MOST_S)
    return growth


def measure_cell(site: Site, cell: Cell, amounts: Amounts, seconds: float) -> Measured:
    """One process does both, the backlog first."""
    site = replace(site, ground=site.ground.with_partitions(cell.partitions))
    with ExitStack() as open_:
        inputs = open_.enter_context(site.ground.inputs(cell.mix))
        site.ground.fill_notifications(inputs, cell.mix, range(amounts.filled))
        order = site.order(inputs, open_.enter_context(site.ground.outputs("growth")), cell.mix)
        open_.enter_context(site.quiet())
        process = open_.enter_context(running(Contender.OURS, order))
        watch = Watch(site, order.topics, [process])
        begin = watch.decided(amounts.warm_up)
        watch.decided(amounts.filled)
        window = begin.until(watch.committed(order.group))
        [(_, latency)] = stretches(site, order.topics, cell.mix, process, seconds, [RATE])
        return Measured(cell, window, latency)
