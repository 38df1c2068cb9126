"""What `tidings bench sender` measures: its table of contents."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from confluent_kafka import KafkaException

from ops.bench.router.parts import Report, Table
from ops.bench.sender import flood, latency, machinery, memory, one_partition, redrive, throughput
from ops.bench.sender.site import Site, site_of_its_own
from streams.domain.notification import Channel

Say = Callable[[str], None]


class Part(StrEnum):
    """One question each."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    MACHINERY = "machinery"
    PARTITION = "partition"
    LATENCY = "latency"
    FLOOD = "flood"
    MEMORY = "memory"
    REDRIVE = "redrive"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much: deliveries of ours and of each other contender, runs, low ones of the flood, seconds at a steady rate,
    minutes of load for the memory, dead letters that are redriven."""

    deliveries: int = 20_000
    others: int = 2_000
    runs: int = 3
    flood: int = 100_000
    seconds: float = 10.0
    minutes: float = 1.0
    letters: int = 10_000


def measure(parts: Collection[str], amounts: Amounts, say: Say) -> Report:
    """These parts, one after the other, on servers of their own. A part that fails does not take the others with it."""
    report = Report([], [], [])
    with site_of_its_own(say) as site:
        for part in Part:
            if part in parts:
                say(f"-- {part}")
                try:
                    _MEASURES[part](site, amounts, say, report)
                except (RuntimeError, ValueError, KafkaException, psycopg.Error) as error:
                    report.failures.append(f"{part}: {error}")
                    site.skip_what_is_left()
    return report


def _throughput(channel: Channel) -> Callable[[Site, Amounts, Say, Report], None]:
    def measured(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
        how_much = throughput.Amounts(amounts.deliveries, amounts.others, amounts.runs)
        found = throughput.measure(site, channel, how_much, say)
        report.figures.extend(found.figures())
        report.tables.append(Table(f"{channel}: throughput on one core", throughput.HEAD, found.rows()))
        report.tables.extend(_left_out(found))
        report.failures.extend(found.different[:3])

    return measured


def _left_out(found: throughput.Results) -> list[Table]:
    rows = [(each.contender, each.why) for each in found.skipped]
    return [Table("left out", ("", "why"), rows)] if rows else []


def _machinery(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(machinery.measure(site, amounts.deliveries * 2, amounts.runs, say))


def _partition(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(one_partition.measure(site, amounts.deliveries, amounts.runs, say))


def _latency(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(latency.measure(site, amounts.seconds, amounts.runs, say))


def _flood(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(flood.measure(site, amounts.flood, amounts.seconds, say))


def _memory(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(memory.measure(site, amounts.minutes, say))


def _redrive(site: Site, amounts: Amounts, say: Say, report: Report) -> None:
    report.figures.extend(redrive.measure(site, amounts.letters, amounts.seconds, say))


_MEASURES: dict[Part, Callable[[Site, Amounts, Say, Report], None]] = {
    Part.EMAIL: _throughput(Channel.EMAIL),
    Part.WEBHOOK: _throughput(Channel.WEBHOOK),
    Part.MACHINERY: _machinery,
    Part.PARTITION: _partition,
    Part.LATENCY: _latency,
    Part.FLOOD: _flood,
    Part.MEMORY: _memory,
    Part.REDRIVE: _redrive,
}
