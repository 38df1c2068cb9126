"""The parked lanes are read before anything is fetched: all of them, in bounded time."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.delivery.assignment import Assignment
from connectors.delivery.clients import scanner_config
from connectors.delivery.incoming import Record
from connectors.delivery.parked import Waiting
from connectors.delivery.scan import AT_MOST_S, TooManyWait, scan
from tests.delivery.builders import Came
from tests.delivery.ground import PARTITIONS, Ground

FIELDS = {"priority": b"normal", "origin_offset": b"7", "not_before": b"1800000000000", "attempt": b"1"}


def told(**changes: bytes | None) -> list[tuple[str, bytes]]:
    return [(name, value) for name, value in {**FIELDS, **changes}.items() if value is not None]


def scanned(ground: Ground, begins: Sequence[TopicPartition], beyond: int = 0) -> tuple[int, Assignment[Record]]:
    """`beyond`: the ends are said to lie so far behind those that a fetch meets now."""
    sources = {name: source for source, name in enumerate(ground.policy.topics)}
    into: Assignment[Record] = Assignment({(sources[tp.topic], tp.partition): tp.offset for tp in begins})
    scanner = Consumer(scanner_config(ground.policy))
    try:
        ends = ground._ends(list(begins))
        reach = {tp: ends[tp.topic, tp.partition] + beyond for tp in begins}
        return scan(scanner, reach, sources, into, lambda: None), into
    finally:
        scanner.close()


def first_due(assignment: Assignment[Record]) -> int | None:
    """Of all that is known to wait and was not read."""
    return min(unread.soonest for unread in assignment.ahead._unread.values() if unread.soonest is not None)


def begins_of(ground: Ground) -> list[TopicPartition]:
    names = ground.policy.topics[3:]
    ends = ground._ends(list(ground._places(names)))
    return [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]


@pytest.mark.servers
async def test_everything_that_waits_is_found_and_of_copies_the_one_that_counts(ground: Ground) -> None:
    begins, (first, second) = begins_of(ground), ground.policy.topics[3:5]
    ground.put_raw(second, "copy", b"", told(origin_offset=b"3", not_before=b"20"))
    ground.put_raw(first, "copy", b"", told(origin_offset=b"3", not_before=b"10"))
    ground.put_raw(first, "twice", b"", told(not_before=b"10"))
    ground.put_raw(first, "twice", b"", told(not_before=b"30"))
    for number in range(5_000):
        ground.put_raw(first, f"r-{number % 4_000}", b"value", told(origin_offset=b"%d" % number))
    ground.flush()
    found, into = scanned(ground, begins)
    parked = into.parked
    assert (found, len(parked), parked.waiting) == (5_004, 4_002, 5_002)
    assert parked.find((b"copy", 1), 3) == Waiting(1, 20)
    assert parked.find((b"twice", 1), 7) == Waiting(0, 30)
    assert parked.ahead_of((b"r-5", 1), 4_006) == Waiting(0, 1_800_000_000_000)
    assert first_due(into) == 10
    assert scanned(ground, begins_of(ground))[0] == 0


@pytest.mark.servers
@pytest.mark.parametrize(
    "headers",
    [told(priority=b"urgent"), told(origin_offset=None), told(attempt=b"many"), told(first_failed_at=b"-1"), []],
    ids=["no priority", "no origin", "no attempt", "no first failure", "none"],
)
async def test_what_will_be_poison_parks_no_lane(ground: Ground, headers: list[tuple[str, bytes]]) -> None:
    """Nobody would ever end it, and its lane would wait for ever."""
    begins = begins_of(ground)
    ground.put_raw(ground.policy.topics[3], "ann", b"", headers)
    ground.flush()
    found, into = scanned(ground, begins)
    assert (found, len(into.parked)) == (1, 0)
    assert first_due(into) == 0, "it is read at once"


@pytest.mark.servers
async def test_what_is_there_is_waited_for_though_a_fetch_does_not_show_it_yet(ground: Ground) -> None:
    """So it is after a broker died: its successor knows what was confirmed, but shows it a moment later."""
    begins = begins_of(ground)
    reading = asyncio.create_task(asyncio.to_thread(scanned, ground, begins, 1))
    done, _ = await asyncio.wait({reading}, timeout=1.0)
    assert not done
    for tp in begins:
        ground.put_raw(tp.topic, f"r-{tp.partition}", b"", told(), tp.partition)
    ground.flush()
    found, into = await asyncio.wait_for(reading, 20)
    assert (found, into.parked.waiting) == (len(begins), PARTITIONS)
    assert {place for place, unread in into.ahead._unread.items() if unread.soonest is None} == set()


class Endless:
    """A scanner with more than can be read; silent at first, as when Kafka is away."""

    def __init__(self, silent: int) -> None:
        self.silent = silent

    def assign(self, _: Any) -> None:
        pass

    def poll(self, _: float) -> Any:
        self.silent -= 1
        return None if self.silent >= 0 else Arrived("retry", with_headers=told())

    def consume(self, *_: Any) -> list[Any]:
        return []


class Arrived(Came):
    def error(self) -> None:
        return None


def test_more_than_can_be_read_in_time_ends_the_process_and_waiting_for_kafka_does_not_count() -> None:
    seconds, beats = count(0, 50), count()
    endless: Any = Endless(silent=1_000)
    beat: Any = beats.__next__
    into: Assignment[Record] = Assignment({(3, 0): 0})
    with pytest.raises(TooManyWait):
        scan(endless, {TopicPartition("retry", 0, 0): 0}, {"retry": 3}, into, beat, lambda: next(seconds))
    assert next(beats) == 1_000 + AT_MOST_S // 50 + 1
