"""Where it is measured: Kafka, PostgreSQL, Valkey and the sink on the other cores, what is measured on its own."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from ops.bench.java import java_as_in_service
from ops.bench.router.cores import Cores, kept_off, pin
from ops.bench.router.filling import Filling
from ops.bench.sender.data import RECIPIENTS, delivery_of, headers_of, recipient_id
from ops.bench.sender.order import Order
from ops.bench.sender.sink_link import Sink, sink_running
from ops.devstack import Endpoints, Stack
from ops.devstack.tidings import tidings_processes
from schemas.codec import Codec
from schemas.topics import deliveries, sender_name
from streams.domain.notification import Channel, Priority
from streams.domain.preferences import Preference
from streams.domain.recipient import Recipient

Say = Callable[[str], None]

SERVICES = ("kafka", "postgres", "valkey")
_SECONDS = 60.0


@dataclass(slots=True)
class Site:
    """`filled`: deliveries made so far; the next one gets this number."""

    endpoints: Endpoints
    cores: Cores
    sink: Sink
    filled: int = 0

    _admin: Any = field(init=False)

    def __post_init__(self) -> None:
        self._admin = AdminClient({"bootstrap.servers": self.endpoints.kafka_bootstrap_servers, "log_level": 0})

    def order(self, channel: Channel, name: str, messages: tuple[int, int] = (0, 0)) -> Order:
        """For a process on the measured core."""
        return Order(
            self.endpoints.kafka_bootstrap_servers,
            self.endpoints.postgres_dsn,
            self.endpoints.redis_url,
            channel,
            name,
            self.sink.smtp_port,
            self.sink.url,
            tuple(self.cores.of(0)),
            messages,
        )

    def fill(
        self, channel: Channel, count: int, priority: Priority = Priority.NORMAL, partition: int = -1
    ) -> tuple[int, int]:
        """So many deliveries more, as a router writes them: (first number, number after the last).

        `partition`: all go there, whoever they are for; -1: each to that of its recipient.
        """
        codec, filling, first = Codec(), Filling(self.endpoints.kafka_bootstrap_servers), self.filled
        topic, now = deliveries(channel, priority), time.time_ns() // 1_000_000
        for number in range(first, first + count):
            record = delivery_of(channel, number, now, priority, self.sink.url)
            key = record["notification"]["recipient_id"].encode()
            filling.write(topic, codec.encode("Delivery", record), key, headers_of(record), partition)
        filling.flush()
        self.filled += count
        return first, self.filled

    def begin_here(self, group: str, channel: Channel) -> None:
        """A new consumer group starts where the topics of this channel end now."""
        ends = self._ends(channel)
        told = [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]
        asked = self._admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, told)])
        asked[group].result(_SECONDS)

    def skip_what_is_left(self) -> None:
        """After a failure: our sender goes on from where the topics end, once Kafka has forgotten the one that died."""
        deadline = time.monotonic() + _SECONDS
        for channel in Channel:
            while self.lag(channel):
                try:
                    self.begin_here(sender_name(channel), channel)
                except KafkaException:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(1.0)

    def lag(self, channel: Channel, group: str = "") -> int:
        """Deliveries this group, or our sender, has not committed."""
        name = group or sender_name(channel)
        found = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])[name].result(_SECONDS)
        at = {(tp.topic, tp.partition): max(0, tp.offset) for tp in found.topic_partitions}
        return sum(end - at.get(place, 0) for place, end in self._ends(channel).items())

    def wait_until_committed(self, channel: Channel, left: int = 0, seconds: float = _SECONDS) -> None:
        """Until our sender has committed all but `left`. Raises RuntimeError after `seconds`."""
        deadline = time.monotonic() + seconds
        while (lag := self.lag(channel)) > left:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{lag} deliveries were not committed after {seconds:g} s")
            time.sleep(0.02)

    def _ends(self, channel: Channel) -> dict[tuple[str, int], int]:
        topics = [deliveries(channel, priority) for priority in Priority]
        known = self._admin.list_topics(timeout=_SECONDS).topics
        wanted = {TopicPartition(name, p): OffsetSpec.latest() for name in topics for p in known[name].partitions}
        answers = self._admin.list_offsets(wanted, request_timeout=_SECONDS)
        return {(tp.topic, tp.partition): answer.result(_SECONDS).offset for tp, answer in answers.items()}


@contextmanager
def site_of_its_own(say: Say) -> Iterator[Site]:
    """Servers with topics, tables and recipients, and a sink; all gone at the end of the block."""
    first = [spec for spec in tidings_processes() if spec.once]
    before = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    with ExitStack() as open_:
        open_.enter_context(java_as_in_service())
        stack = open_.enter_context(Stack(services=SERVICES, processes=first, say=lambda line: say(line.text)))
        cores = Cores.of_this_machine()
        for name in SERVICES:
            open_.enter_context(kept_off(cores, stack.pids()[name]))
        sink = open_.enter_context(sink_running(cores.rest))
        asyncio.run(save_recipients(stack.endpoints.postgres_dsn))
        yield Site(stack.endpoints, cores, sink)
    pin(before)


async def save_recipients(dsn: str) -> None:
    """Those of the deliveries, each with an address."""
    pool = Pool(dsn, "tidings-bench", seconds=30)
    numbers = iter(range(10**9))
    store = RecipientStore(pool, Codec(), lambda: f"bench-{next(numbers)}")
    await pool.open()
    try:
        for number in range(RECIPIENTS):
            who = recipient_id(number)
            profile = Recipient(who, Preference(who, locale="en"), {"email": f"{who}@example.com"})
            await store.save_profile(profile, 1_700_000_000_000)
    finally:
        await pool.close()
