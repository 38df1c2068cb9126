"""A batch is finished only when every record it caused is confirmed: the same promises, in memory and on Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from ops.devstack import Endpoints
from streams.engine.batch import Batch, Partition
from streams.engine.memory_outbox import MemoryOutbox, Sent
from streams.engine.outbox import KafkaOutbox, Outbox
from streams.engine.watermark import Watermark
from tests.engine.ground import Ground, incompressible

SOURCES = ("first", "second", "third", "only")
SMALL = {"max.message.bytes": "1000"}


class Ended(Exception):
    """What a process end looks like here."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A record."""

    offset: int = 0
    key: bytes | None = None
    value: bytes | None = None
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class Event:
    """One event of a stream."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.acked = False

    def ack(self) -> None:
        assert not self.acked
        self.acked = True


class BrokenEvent(Event):
    def ack(self) -> None:
        raise ZeroDivisionError


class Stream:
    """A stream of a few events, as Faust's: a batch of one record on a topic of each name."""

    def __init__(self, *topics: str) -> None:
        self.all = [Event(Batch(Partition(topic, 0), [Fetched()], Watermark())) for topic in topics]

    def noack(self) -> "Stream":
        return self

    async def events(self) -> AsyncIterator[Event]:
        for event in self.all:
            yield event

    def acked(self) -> list[bool]:
        return [event.acked for event in self.all]


class Failures:
    """Remembers what should have ended the process."""

    def __init__(self) -> None:
        self.all: list[BaseException] = []

    def __call__(self, error: BaseException) -> NoReturn:
        self.all.append(error)
        raise Ended(str(error))


@pytest.fixture
def failures() -> Failures:
    return Failures()


@pytest.fixture(params=["memory", "kafka"])
async def outbox(request: pytest.FixtureRequest, failures: Failures) -> AsyncIterator[Outbox]:
    if request.param == "memory":
        made: Outbox = MemoryOutbox(failures)
    else:
        servers: Endpoints = request.getfixturevalue("servers")
        made = KafkaOutbox(str(servers.kafka_bootstrap_servers), failures, SOURCES)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def topic(request: pytest.FixtureRequest, outbox: Outbox) -> str:
    if isinstance(outbox, MemoryOutbox):
        return "out"
    ground: Ground = request.getfixturevalue("ground")
    ground.create(decisions=SMALL)
    return ground.topics.decisions


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_batch_is_acknowledged_when_all_it_caused_is_confirmed(outbox: Outbox, topic: str) -> None:
    stream = Stream("first", "second", "third")
    async for batch in outbox.batches(stream):
        if batch.tp.topic != "second":
            outbox.send(topic, b"1", b"key", [("header", b"value")])
            outbox.send(topic, None, None, [])
        assert not stream.all[0].acked or batch.tp.topic != "first"
    await until(lambda: stream.acked() == [True, True, True])


async def test_a_batch_in_hand_is_never_acknowledged(outbox: Outbox, topic: str) -> None:
    stream = Stream("only")
    async for _ in outbox.batches(stream):
        outbox.send(topic, b"1", b"key", [])
        if isinstance(outbox, MemoryOutbox):
            outbox.confirm()
        await asyncio.sleep(0.2)
        assert stream.acked() == [False]
    await until(lambda: stream.acked() == [True])


async def test_a_body_that_raises_acknowledges_nothing(outbox: Outbox, topic: str) -> None:
    stream = Stream("only")

    async def agent() -> None:
        async with aclosing(outbox.batches(stream)) as batches:  # type: ignore[type-var]
            async for _ in batches:
                outbox.send(topic, b"1", b"key", [])
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await agent()
    if isinstance(outbox, MemoryOutbox):
        outbox.confirm()
    await asyncio.sleep(0.2)
    assert stream.acked() == [False]


async def test_an_output_outside_of_a_batch_is_refused(outbox: Outbox, topic: str) -> None:
    with pytest.raises(RuntimeError, match="belongs to a batch"):
        outbox.send(topic, b"1", b"key", [])
    async for _ in outbox.batches(Stream("only")):
        pass
    with pytest.raises(RuntimeError, match="belongs to a batch"):
        outbox.send(topic, b"1", b"key", [])


async def test_two_agents_cannot_share_an_outbox(outbox: Outbox) -> None:
    one, other = outbox.batches(Stream("a", "b")), outbox.batches(Stream("c", "d"))
    await anext(one)
    await anext(other)
    with pytest.raises(RuntimeError, match="give each its own"):
        await anext(one)


async def test_a_delivery_that_fails_ends_the_process_and_acknowledges_nothing(
    outbox: Outbox, topic: str, failures: Failures
) -> None:
    if isinstance(outbox, MemoryOutbox):
        outbox.at_once = False
    stream = Stream("only")
    async for _ in outbox.batches(stream):
        outbox.send(topic, b"small", b"key", [])
        outbox.send(topic, incompressible(5_000).encode(), b"key", [])  # larger than its topic allows
    if isinstance(outbox, MemoryOutbox):
        with pytest.raises(Ended):
            outbox.refuse("too large")
    await until(lambda: failures.all)
    assert "was not delivered" in str(failures.all[0])
    assert stream.acked() == [False]


async def test_nothing_leaves_before_the_body_of_a_batch_is_through(
    outbox: Outbox, topic: str, request: pytest.FixtureRequest
) -> None:
    """Of a batch that fails nothing was produced, so nothing of it comes twice."""
    stream = Stream("first", "second")
    async for batch in outbox.batches(stream):
        for _ in range(10):
            outbox.send(topic, b"value", b"key", [])
        if batch.tp.topic == "second":
            await until(lambda: stream.acked() == [True, False])
            assert outbox.handed_over == 10
            if isinstance(outbox, KafkaOutbox):
                assert request.getfixturevalue("ground").written(topic) == 10
    assert outbox.handed_over == 20
    await until(lambda: stream.acked() == [True, True])


async def test_many_small_batches_leave_in_their_order(
    outbox: Outbox, topic: str, request: pytest.FixtureRequest
) -> None:
    if topic != "out":
        topic = request.getfixturevalue("ground").topics.dead_letters  # takes more than 1,000 bytes at a time
    stream = Stream(*["only"] * 500)
    number = 0
    async for _ in outbox.batches(stream):
        outbox.send(topic, b"%d" % number, b"key", [])
        number += 1
        await asyncio.sleep(0)
    await until(lambda: all(stream.acked()))
    if isinstance(outbox, KafkaOutbox):
        found = [message.value() for message in request.getfixturevalue("ground").read(topic)]
        assert found == [b"%d" % number for number in range(500)]


async def test_a_confirmation_that_cannot_be_noted_ends_the_process(
    servers: Endpoints, ground: Ground, failures: Failures
) -> None:
    """Nobody waits for what a task of the outbox raises."""
    ground.create()
    outbox = KafkaOutbox(str(servers.kafka_bootstrap_servers), failures, SOURCES)
    await outbox.open()
    stream = Stream("only")
    stream.all[0] = BrokenEvent(stream.all[0].value)
    async for _ in outbox.batches(stream):
        outbox.send(ground.topics.decisions, b"1", b"key", [])
    await until(lambda: failures.all)
    assert isinstance(failures.all[0], ZeroDivisionError)
    await outbox.close()


async def test_memory_keeps_everything_in_order_and_confirms_when_told(failures: Failures) -> None:
    outbox = MemoryOutbox(failures, at_once=False)
    stream = Stream("a", "b")
    async for batch in outbox.batches(stream):
        outbox.send(f"to-{batch.tp.topic}", b"value", b"key", [("h", b"v")])
    assert outbox.sent == [Sent(f"to-{each}", b"key", b"value", [("h", b"v")]) for each in "ab"]
    assert outbox.to("to-b") == outbox.sent[1:]
    assert stream.acked() == [False, False]
    outbox.confirm()
    assert stream.acked() == [True, True]
