"""The compacted topic in memory: complete before the first record, alive ever after."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from ops.devstack import Endpoints
from streams.engine.view import CompactedView

ALL = frozenset(range(4))


class Written:
    """A compacted topic, and what it should look like in memory."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.topic = f"compacted-{uuid.uuid4().hex[:8]}"
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        made = self.admin.create_topics([NewTopic(self.topic, 4, 1, config={"cleanup.policy": "compact"})])
        made[self.topic].result(20)
        self.content: dict[bytes, bytes] = {}

    def producer(self, **more: str) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "log_level": 0,
                **more,
            }
        )

    def write(self, *pairs: tuple[bytes, bytes | None]) -> None:
        producer = self.producer()
        for key, value in pairs:
            producer.produce(self.topic, value, key)
            if value is None:
                self.content.pop(key, None)
            else:
                self.content[key] = value
        assert producer.flush(20) == 0


@pytest.fixture
def written(servers: Endpoints) -> Written:
    return Written(str(servers.kafka_bootstrap_servers))


class Failures:
    """Remembers what should have ended the process."""

    def __init__(self) -> None:
        self.all: list[BaseException] = []

    def __call__(self, error: BaseException) -> Any:
        self.all.append(error)


@pytest.fixture
def failures() -> Failures:
    return Failures()


@pytest.fixture
async def view(written: Written, failures: Failures) -> AsyncIterator[CompactedView]:
    view = CompactedView(written.topic, written.bootstrap_servers, f"{written.topic}-view", failures, 0.2)
    yield view
    await view.stop()


def content(view: CompactedView) -> dict[bytes, bytes]:
    return {key: value for data in view.partitions() for key, value in data.items()}


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def caught_up(view: CompactedView, partitions: frozenset[int] = ALL, seconds: float = 20) -> None:
    view.follow(partitions)
    async with asyncio.timeout(seconds):
        await view.caught_up()


async def test_it_is_complete_when_it_has_caught_up(view: CompactedView, written: Written) -> None:
    written.write(*((b"key-%d" % (n % 5_000), b"value-%d" % n) for n in range(12_000)))
    written.write(*((b"key-%d" % n, None) for n in range(0, 5_000, 7)))
    await caught_up(view)
    assert content(view) == written.content
    assert view.applied >= 12_000


async def test_an_empty_topic_is_complete_at_once(view: CompactedView) -> None:
    await caught_up(view)
    assert content(view) == {}


async def test_live_writes_and_tombstones_arrive(view: CompactedView, written: Written) -> None:
    """regression: a tombstone is falsy, `if message := poll()` dropped it"""
    written.write((b"ann", b"1"), (b"bob", b"1"))
    await caught_up(view)
    for pair in ((b"ann", b"2"), (b"carl", b"1"), (b"bob", None), (b"ann", None), (b"ann", b"3")):
        written.write(pair)
        await until(lambda: content(view) == written.content)


async def test_it_catches_up_while_somebody_keeps_writing(view: CompactedView, written: Written) -> None:
    """regression: the end-of-partition event alone never comes under steady writes"""
    written.write(*((b"key-%d" % n, b"first") for n in range(1_000)))
    producer, writing = written.producer(), True

    async def write() -> None:
        number = 0
        while writing:
            with suppress(BufferError):  # faster than the broker takes them: the next round writes on
                producer.produce(written.topic, b"%d" % number, b"steady", partition=number % 4)
                number += 1
            producer.poll(0)
            await asyncio.sleep(0)

    writer = asyncio.create_task(write())
    await caught_up(view)
    assert written.content.items() <= content(view).items()
    writing = False
    await writer
    assert producer.flush(20) == 0


async def test_a_transaction_marker_at_the_end_is_no_missing_record(view: CompactedView, written: Written) -> None:
    """A stock Faust table waits for ever for a record at the last offset."""
    producer = written.producer(**{"transactional.id": written.topic})
    producer.init_transactions(20)
    for value, end in ((b"kept", producer.commit_transaction), (b"aborted", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(written.topic, value, b"ann")
        producer.flush(20)
        end(20)
    await caught_up(view)
    assert content(view) == {b"ann": b"kept"}


async def test_partitions_come_and_go(view: CompactedView, written: Written) -> None:
    written.write(*((b"key-%d" % n, b"1") for n in range(100)))
    await caught_up(view)
    shares = {p: dict(view[p]) for p in ALL}
    await caught_up(view, frozenset({0, 1}))
    assert content(view) == shares[0] | shares[1]
    with pytest.raises(KeyError):
        view[2]
    written.write(*((b"key-%d" % n, b"2") for n in range(100)))
    await caught_up(view, frozenset({1, 2}))
    await until(lambda: set(content(view).values()) == {b"2"})
    assert content(view).keys() == shares[1].keys() | shares[2].keys()


async def test_a_topic_that_was_given_more_partitions_ends_the_process(
    view: CompactedView, written: Written, failures: Failures
) -> None:
    """Keys written before lie where they no longer belong."""
    await caught_up(view)
    assert view.count == 4
    written.admin.create_partitions([NewPartitions(written.topic, 6)])[written.topic].result(20)
    await until(lambda: len(written.admin.list_topics(written.topic, timeout=10).topics[written.topic].partitions) == 6)
    view.follow(frozenset(range(6)))
    await until(lambda: failures.all, 30)
    assert "it had 4 partitions and has 6" in str(failures.all[0])


async def test_a_topic_that_vanishes_ends_the_process(
    view: CompactedView, written: Written, failures: Failures
) -> None:
    written.write((b"ann", b"1"))
    await caught_up(view)
    for gone in written.admin.delete_topics([written.topic]).values():
        gone.result(20)
    await until(lambda: failures.all, 30)
    assert "can no longer be followed" in str(failures.all[0])


async def test_a_topic_that_was_made_anew_ends_the_process_though_it_holds_more(
    view: CompactedView, written: Written, failures: Failures
) -> None:
    """Its records would be read from the middle on, and nobody would know what is missing."""
    written.write((b"ann", b"1"))
    await caught_up(view)
    for gone in written.admin.delete_topics([written.topic]).values():
        gone.result(20)
    again = NewTopic(written.topic, 4, 1, config={"cleanup.policy": "compact"})
    await until(lambda: written.admin.create_topics([again])[written.topic].exception(20) is None, 20)
    written.write(*((b"ann", b"%d" % n) for n in range(100)))
    await until(lambda: failures.all, 30)
    assert "can no longer be followed" in str(failures.all[0])
