"""When aiokafka's next fetch leaves, on a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.protocol.fetch import FetchRequest
from confluent_kafka import Producer

from streams.domain.notification import Priority
from streams.engine.next_fetch import fetch_when_taken
from tests.engine.ground import Ground

LONG, SHORT = 30.0, 0.05


class Reading:
    """A consumer of two partitions; `asked`: how many partitions each of its fetches asked for, in their order."""

    def __init__(self, consumer: AIOKafkaConsumer, servers: str, topic: str) -> None:
        self.consumer, self.asked, self._topic = consumer, list[int](), topic
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 0})
        send = consumer._client.send

        async def noted(node: int, request: Any, **more: Any) -> Any:
            if isinstance(request, FetchRequest):
                self.asked.append(sum(len(partitions) for _, partitions in request._topics))
            return await send(node, request, **more)

        consumer._client.send = noted

    def write(self, partition: int) -> None:
        self._producer.produce(self._topic, b"value", partition=partition)
        assert self._producer.flush(10) == 0

    def give(self, *partitions: int) -> None:
        """Only these are read from now on."""
        self.consumer.assign([TopicPartition(self._topic, partition) for partition in partitions])

    async def take(self) -> list[int]:
        """The partitions of what came."""
        taken = await self.consumer.getmany(timeout_ms=10_000)
        return [tp.partition for tp in taken]

    async def waits_untaken(self) -> None:
        """Until something has come that nobody took."""
        await until(lambda: self.consumer._fetcher._records)

    async def asks_again(self) -> None:
        """Until the next fetch has left."""
        before = len(self.asked)
        await until(lambda: len(self.asked) > before)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def reading(ground: Ground, seconds: float) -> AsyncIterator[Reading]:
    servers = ground.bootstrap_servers
    ground.create()
    topic = ground.topics.notifications[Priority.HIGH]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers, fetch_max_wait_ms=100, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer._fetcher._prefetch_backoff = 0.0  # as ours has
        fetch_when_taken(consumer._fetcher, seconds)
        made = Reading(consumer, servers, topic)
        made.give(0, 1)
        await until(lambda: 2 in made.asked)  # both have a leader and a position
        made.asked.clear()
        yield made
    finally:
        await consumer.stop()


async def test_a_partition_whose_records_were_taken_is_part_of_the_next_fetch(ground: Ground) -> None:
    async with reading(ground, LONG) as made:
        for _ in range(3):
            made.write(0)
            assert await made.take() == [0]
        await made.asks_again()
        assert set(made.asked) == {2}


async def test_records_that_nobody_takes_hold_up_no_other_partition(ground: Ground) -> None:
    async with reading(ground, SHORT) as made:
        made.write(0)
        await made.waits_untaken()
        made.write(1)
        await until(lambda: len(made.consumer._fetcher._records) == 2)
        assert sorted(await made.take()) == [0, 1]


async def test_records_that_nobody_took_of_a_partition_given_away_hold_up_nothing(ground: Ground) -> None:
    async with reading(ground, LONG) as made:
        made.write(0)
        await made.waits_untaken()
        made.give(1)
        made.write(1)
        assert await made.take() == [1]


async def test_it_ends_in_order_while_nobody_takes_what_came(ground: Ground) -> None:
    async with reading(ground, LONG) as made:
        made.write(0)
        await made.waits_untaken()


async def test_a_fetch_that_ends_while_records_are_taken_is_followed_by_one_other() -> None:
    """aiokafka's own fetcher would ask nothing for 0.2 s."""
    broker = Broker()
    fetcher = broker.fetched_from(TopicPartition("events", 0), TopicPartition("events", 1))
    try:
        for _ in range(3):
            await until(lambda: broker.open)
            fetcher._notify(fetcher._wait_consume_future)  # what taking the last record of a partition does
            broker.open[0].set_result(Nothing())
            await turns()
            assert len(broker.open) == 1
            fetcher._notify(fetcher._wait_consume_future)
            await turns()
            assert len(broker.open) == 1
    finally:
        await fetcher.close()


async def turns() -> None:
    """So many of the event loop that whoever is woken, and woken by those, has had its turn; no time passes."""
    for _ in range(50):
        await asyncio.sleep(0)


class Nothing:
    """A broker's answer without records."""

    API_VERSION = 11
    topics = ()


class Broker:
    """One node. `open`: fetches that it has not answered. As much of aiokafka's client as its fetcher asks for."""

    _metadata_max_age_ms = 300_000

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.cluster = self
        self.open: list[asyncio.Future[Nothing]] = []

    def leader_for_partition(self, _: TopicPartition) -> int:
        return 1

    async def send(self, _: int, __: FetchRequest) -> Nothing:
        answer: asyncio.Future[Nothing] = self._loop.create_future()
        self.open.append(answer)
        try:
            return await answer
        finally:
            self.open.remove(answer)

    def fetched_from(self, *partitions: TopicPartition) -> Fetcher:
        """A fetcher of these."""
        subscriptions = SubscriptionState()
        subscriptions.assign_from_user(set(partitions))
        fetcher = Fetcher(self, subscriptions)
        fetch_when_taken(fetcher)
        for partition in partitions:
            subscriptions.subscription.assignment.state_value(partition).reset_to(0)
        return fetcher
