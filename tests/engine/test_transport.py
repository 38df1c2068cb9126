"""How batches are handed over, and what aiokafka would keep to itself. Without a broker."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
from faust.types import TP

from streams.engine.application import Application, EnginePolicy
from streams.engine.transport import Consumer, ConsumerThread


@dataclass
class Fetched:
    """A record as aiokafka hands it over."""

    topic: str
    partition: int
    offset: int
    key: bytes = b"key"
    value: bytes = b"value"
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0
    timestamp_type: int = 0


def records(topic: str, partition: int, *offsets: int) -> dict[TP, list[Fetched]]:
    return {TP(topic, partition): [Fetched(topic, partition, offset) for offset in offsets]}


class Fed(Consumer):
    """A consumer that fetches what it is given, commits into a dict and owns what it is told."""

    def __init__(self, app: Application) -> None:
        super().__init__(app.transport, lambda *_: None, lambda *_: None, lambda *_: None)
        self.rounds: list[Mapping[TP, Any]] = []
        self.mine: set[TP] = set()
        self.log: list[dict[TP, int]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.answers = asyncio.Event()
        self.answers.set()

    async def _getmany(self, *_: Any) -> Mapping[TP, Any]:
        self.meanwhile()
        return self.rounds.pop(0)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        self.log.append(dict(offsets))
        await self.answers.wait()
        return True

    def assignment(self) -> set[TP]:
        return self.mine

    def gain(self, *partitions: TP) -> None:
        self.mine = set(partitions)
        self._set_active_tps(self.mine)
        self._sought = self.app.consumer_generation_id

    async def fetch(self, *given: Mapping[TP, Any]) -> list[Any]:
        self.rounds = [{tp: fetched for each in given for tp, fetched in each.items()}]
        return [message async for _, message in self.getmany(0.1)]


class Ended(Exception):
    """What a process end looks like here."""


def ended(error: BaseException) -> NoReturn:
    raise Ended(str(error))


HIGH, LOW = TP("events.high", 0), TP("events.low", 0)


@pytest.fixture
async def consumer() -> AsyncIterator[Fed]:
    app = Application(EnginePolicy("127.0.0.1:1", "one", "a-group"), ended)
    app.batches_of("events.high", "events.low")
    consumer = Fed(app)
    consumer.gain(HIGH, LOW)
    yield consumer
    consumer._thread.thread_loop.close()


async def test_what_was_fetched_of_the_first_topics_is_handed_over_first(consumer: Fed) -> None:
    handed = await consumer.fetch(records("events.low", 0, 1), records("events.high", 0, 7, 9))
    assert [(m.topic, m.offset, len(m.value)) for m in handed] == [("events.high", 9, 2), ("events.low", 1, 1)]


async def test_only_the_end_of_what_is_finished_is_committed(consumer: Fed) -> None:
    """regression: Faust commits past an unfinished event at the head"""
    first, second, third = [(await consumer.fetch(records("events.low", 0, n)))[0] for n in (0, 3, 4)]
    consumer.ack(second)
    consumer.ack(third)
    assert not await consumer.force_commit()
    consumer.ack(first)
    assert await consumer.force_commit()
    assert not await consumer.force_commit()
    assert consumer.log == [{LOW: 5}]


async def test_many_that_are_finished_are_committed_before_the_interval_has_passed(consumer: Fed) -> None:
    """regression: what was finished within 0.1 s came again after a kill: thousands of records under load"""
    consumer.commit_records = 3
    batches = [(await consumer.fetch(records("events.low", 0, 2 * n, 2 * n + 1)))[0] for n in range(3)]
    consumer.ack(batches[0])
    await asyncio.sleep(0.01)
    assert consumer.log == []
    consumer.ack(batches[1])
    consumer.ack(batches[2])
    async with asyncio.timeout(5):
        while not consumer.log:
            await asyncio.sleep(0)
    assert consumer.log[0][LOW] in (4, 6)


async def test_nothing_is_committed_of_a_partition_that_was_given_away(consumer: Fed) -> None:
    [message] = await consumer.fetch(records("events.low", 0, 0))
    consumer.ack(message)
    consumer.mine = {HIGH}
    assert not await consumer.force_commit()


async def test_what_finishes_late_belongs_to_an_assignment_that_is_gone(consumer: Fed) -> None:
    [old] = await consumer.fetch(records("events.low", 0, 0, 1, 2))
    consumer._marks.clear()  # what a rebalance does
    await consumer.fetch(records("events.low", 0, 0))
    consumer.ack(old)
    assert not await consumer.force_commit()


async def test_a_partition_is_given_up_only_after_what_is_finished_is_committed(consumer: Fed) -> None:
    """regression: Faust forgets what is acknowledged before it commits"""
    [message] = await consumer.fetch(records("events.low", 0, 0, 1))
    consumer.ack(message)

    async def revoked(_: set[TP]) -> None:
        """What the app does when partitions are taken from it."""

    consumer._on_partitions_revoked = revoked
    await consumer.on_partitions_revoked({HIGH, LOW})
    assert consumer.log == [{LOW: 2}]
    assert consumer.open_records() == 0


async def test_the_last_commit_is_made_also_when_one_is_under_way(consumer: Fed) -> None:
    """regression: Faust waits for the one under way and leaves the last one out"""
    first, last = [(await consumer.fetch(records("events.low", 0, n)))[0] for n in (0, 1)]
    consumer.answers.clear()
    consumer.ack(first)
    under_way = asyncio.create_task(consumer.commit())
    while not consumer.log:
        await asyncio.sleep(0)
    consumer.ack(last)
    at_the_end = asyncio.create_task(consumer.commit_and_end_transactions())
    await asyncio.sleep(0)
    consumer.answers.set()
    await asyncio.gather(under_way, at_the_end)
    assert consumer.log == [{LOW: 1}, {LOW: 2}]


async def test_nothing_is_fetched_before_the_positions_are_set(consumer: Fed) -> None:
    """regression: with a table, Faust resumes partitions before it seeks to what is committed"""
    consumer.app.consumer_generation_id += 1
    assert await consumer.fetch(records("events.low", 0, 0)) == []
    assert consumer.rounds  # not even asked for
    consumer.gain(HIGH, LOW)
    assert len(await consumer.fetch(records("events.low", 0, 0))) == 1


async def test_what_was_fetched_is_dropped_when_the_group_moves_on(consumer: Fed) -> None:
    consumer.rounds = [records("events.high", 0, 0) | records("events.low", 0, 0)]
    handed = []
    async for _, message in consumer.getmany(0.1):
        handed.append(message.topic)
        consumer.app.consumer_generation_id += 1
    assert handed == ["events.high"]


async def test_what_arrives_after_the_group_moved_on_is_not_in_hand(consumer: Fed) -> None:
    def rebalance() -> None:
        consumer.app.consumer_generation_id += 1

    consumer.meanwhile = rebalance
    assert await consumer.fetch(records("events.low", 0, 0)) == []
    assert consumer.open_records() == 0


async def test_too_much_in_hand_stops_the_fetching_until_some_is_finished(consumer: Fed) -> None:
    consumer.max_open_records = 3
    [first] = await consumer.fetch(records("events.low", 0, 0, 1, 2))
    waiting = asyncio.create_task(consumer.fetch(records("events.low", 0, 3)))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    consumer.ack(first)
    async with asyncio.timeout(5):
        assert len(await waiting) == 1


async def test_a_batch_before_the_remembered_position_is_not_dropped(consumer: Fed) -> None:
    consumer._read_offset[LOW] = 500
    assert consumer._read_offset[LOW] is None


class Coordinator:
    """aiokafka's, with an error that waits to be asked for."""

    def check_errors(self) -> None:
        raise Ended("fenced")


class Fetcher:
    """aiokafka's, whose background task may be dead."""

    def __init__(self, task: "asyncio.Future[None]") -> None:
        self.error_future = task


async def test_an_error_of_the_coordinator_is_asked_for() -> None:
    """regression: Faust never asks, the process idles for ever"""

    class Client:
        _coordinator = Coordinator()

    with pytest.raises(Ended, match="fenced"):
        await ConsumerThread._fetch_records(object.__new__(ConsumerThread), Client())


async def test_a_fetcher_that_died_is_noticed() -> None:
    """regression: Faust waits for records that nobody fetches"""
    dead: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    dead.set_exception(Ended("fetcher"))

    class Healthy:
        def check_errors(self) -> None:
            """Nothing to tell."""

    class Client:
        _coordinator = Healthy()
        _fetcher = Fetcher(dead)
        _closed = False

    with pytest.raises(Ended, match="fetcher"):
        await ConsumerThread._fetch_records(object.__new__(ConsumerThread), Client())
