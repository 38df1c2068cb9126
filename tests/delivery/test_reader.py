"""A reader of a main topic: how much it takes, and for whom."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from connectors.delivery.assignment import Assignment
from connectors.delivery.hand_over import HandOver
from connectors.delivery.incoming import Record
from connectors.delivery.ownership import Ownership
from connectors.delivery.reader import Reader
from streams.domain.notification import Priority
from tests.delivery.builders import delivery
from tests.delivery.ground import Ground, until

LOW = 2
AHEAD, AT_ONCE, MANY = 10, 5, 60


class TakenAtOnce(HandOver):
    """Into their lanes, in the reader's thread."""

    def hand_over(self, assignment: Assignment[Record], messages: list[Any]) -> None:
        for message in messages:
            record = Record(assignment, message, LOW)
            if assignment.track(record):
                assignment.admit(record)


def ends(ground: Ground) -> dict[tuple[int, int], int]:
    topic = ground.policy.topics[LOW]
    asking = Consumer({"bootstrap.servers": ground.bootstrap, "group.id": "ends"})
    numbers = asking.list_topics(topic, timeout=10).topics[topic].partitions
    found = {(LOW, number): asking.get_watermark_offsets(TopicPartition(topic, number))[1] for number in numbers}
    asking.close()
    return found


@contextmanager
def reading(ground: Ground, ownership: Ownership) -> Iterator[Reader]:
    policy = replace(ground.policy, ahead=AHEAD, hand_over=AT_ONCE)
    reader = Reader(policy, ownership, LOW, TakenAtOnce(asyncio.get_running_loop(), lambda *_: None))
    thread = threading.Thread(target=reader.run)
    thread.start()
    try:
        yield reader
    finally:
        reader.stop()
        thread.join(10)


async def turns(reader: Reader, count: int) -> None:
    for _ in range(count):
        before = reader.beat_at
        await until(lambda before=before: reader.beat_at != before)  # type: ignore[misc]


async def test_it_takes_no_more_than_is_missed_and_goes_on_when_more_is(ground: Ground) -> None:
    ownership = Ownership()
    lanes = (first := Assignment[Record](ends(ground))).lanes
    ground.put(*(delivery(ground.who(f"r{number}"), priority=Priority.LOW) for number in range(MANY)))
    ownership.assignment = first
    picked = 0
    with reading(ground, ownership) as reader:
        await until(lambda: lanes.runnable_of(LOW) >= AHEAD)
        await turns(reader, 3)
        assert AHEAD <= lanes.runnable_of(LOW) < AHEAD + AT_ONCE
        while picked < MANY:
            await until(lambda: lanes.runnable_of(LOW))
            assert lanes.runnable_of(LOW) < AHEAD + AT_ONCE
            picked += lanes.pick() is not None
            reader.look()


async def test_a_new_assignment_is_read_from_its_starts_and_the_one_before_gets_nothing_more(
    ground: Ground,
) -> None:
    ownership, starts = Ownership(), ends(ground)
    first, second = Assignment[Record](starts), Assignment[Record](starts)
    with reading(ground, ownership):
        ownership.assignment = first
        ground.put(delivery(ground.who("ada"), priority=Priority.LOW))
        await until(lambda: first.lanes.runnable)
        first.alive, ownership.assignment = False, second
        await until(lambda: second.lanes.runnable)
        ground.put(delivery(ground.who("bob"), priority=Priority.LOW))
        await until(lambda: second.lanes.runnable == 2)
    assert first.lanes.runnable == 1
    assert [tracker.base for tracker in second.trackers.values()] == list(starts.values())
