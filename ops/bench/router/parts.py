"""What `tidings bench router` measures: its table of contents."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from confluent_kafka import KafkaException

from ops.bench.figures import Figure
from ops.bench.java import java_as_in_service
from ops.bench.router import growth, latency, live_preference, priorities, recovery, scaling, throughput
from ops.bench.router.cores import Cores
from ops.bench.router.data import Mix
from ops.bench.router.ground import Ground
from ops.bench.router.site import Site
from ops.devstack import Stack

Say = Callable[[str], None]


class Part(StrEnum):
    """One question each."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"
    PREFERENCE = "preference"
    SCALING = "scaling"
    RECOVERY = "recovery"
    PRIORITIES = "priorities"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much: events of the throughput, low notifications of the flood, recipients to recover, runs, seconds of each
    stretch at a steady rate, changes of a preference."""

    events: int = 200_000
    runs: int = 3
    flood: int = 500_000
    recipients: int = 1_000_000
    seconds: float = 8.0
    changes: int = 200


class Table(NamedTuple):
    """For people."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Report(NamedTuple):
    """What was measured."""

    figures: list[Figure]
    tables: list[Table]
    failures: list[str]


def measure(parts: Collection[str], amounts: Amounts, say: Say) -> Report:
    """These parts, one after the other, on a Kafka of their own. A part that fails does not take the others with it."""
    report = Report([], [], [])
    with site_of_its_own(say) as site:
        for part in Part:
            if part in parts:
                say(f"-- {part}")
                try:
                    _MEASURES[part](site, amounts, say, report)
                except (RuntimeError, ValueError, KafkaException) as error:
                    report.failures.append(f"{part}: {error}")
    return report


def measure_growth(lines: Collection[str], events: int, seconds: float, say: Say) -> Report:
    """How cost grows, on a Kafka of its own, which thousands of partitions want to have more memory."""
    with site_of_its_own(say, "-Xmx1500m") as site:
        found = growth.measure(site, lines, throughput.Amounts(events), seconds, say)
    return Report(found.figures(), [Table("how cost grows", growth.HEAD, found.rows())], found.failures)


@contextmanager
def site_of_its_own(say: Say, *java: str) -> Iterator[Site]:
    """Kafka alone, gone at the end of the block. `java`: options of its Java runtime."""
    with java_as_in_service(*java), Stack(services=("kafka",), say=lambda line: say(line.text)) as stack:
        yield Site(Ground(stack.endpoints.kafka_bootstrap_servers), stack.pids()["kafka"], Cores.of_this_machine())


def _throughput(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    faust_events = max(1_000, amounts.events // 10)
    how_much = throughput.Amounts(amounts.events, amounts.runs, faust_events, min(2, amounts.runs))
    found = throughput.measure(site, Mix(), how_much, say)
    report.figures.extend(found.figures())
    report.tables.append(Table("throughput on one core", throughput.HEAD, throughput.rows(found)))


def _latency(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    found = latency.measure(site, Mix(), latency.Pace(amounts.seconds, amounts.runs), say)
    report.figures.extend(found.figures())
    report.tables.append(Table("produce to routed", latency.HEAD, found.rows()))


def _preference(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(live_preference.measure(site, Mix(), amounts.changes, say))


def _scaling(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(scaling.measure(site, Mix(), amounts.events, say))


def _recovery(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(recovery.measure(site, amounts.recipients, say))


def _priorities(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(priorities.measure(site, Mix(), amounts.flood, say))


_MEASURES: dict[Part, Callable[[Site, Amounts, Say, Report], None]] = {
    Part.THROUGHPUT: _throughput,
    Part.LATENCY: _latency,
    Part.PREFERENCE: _preference,
    Part.SCALING: _scaling,
    Part.RECOVERY: _recovery,
    Part.PRIORITIES: _priorities,
}
