"""A Kafka and a Valkey of their own with the topics of one channel, and what lies in them."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from connectors.delivery.assignment import TIER_0
from connectors.delivery.policy import SenderPolicy
from ops.bench.java import java_as_in_service
from ops.bench.router.cores import Cores, kept_off
from ops.bench.router.filling import Filling
from ops.bench.sender.data import BASE_MS, delivery_of, headers_of
from ops.bench.sender.order import Order
from ops.devstack import Endpoints, Stack
from schemas import headers, topics
from schemas.codec import Codec
from streams.domain.notification import Channel
from streams.domain.retry_schedule import DEFAULT, RetrySchedule

Say = Callable[[str], None]

CHANNEL = Channel.EMAIL
_SECONDS = 60.0
_FAR_MS = 24 * 3600 * 1000
_VALUES = 1_000  # different ones, so that they compress as real ones do


@dataclass(frozen=True, slots=True)
class Ground:
    """`partitions` of every topic of the channel; `admin`: a client of its Kafka."""

    endpoints: Endpoints
    cores: Cores
    partitions: int
    admin: Any

    @property
    def policy(self) -> SenderPolicy:
        return SenderPolicy(self.endpoints.kafka_bootstrap_servers, CHANNEL, RetrySchedule.parse(DEFAULT), "bench")

    def order(self) -> Order:
        """For the sender that is measured."""
        told = self.endpoints
        return Order(
            told.kafka_bootstrap_servers, "", told.redis_url, CHANNEL, "growth", 0, "", tuple(self.cores.of(0))
        )

    def fill(self, deliveries: int, lanes: int) -> None:
        """So many deliveries that wait to be sent, round so many recipients in turn."""
        codec, filling = Codec(), self._filling()
        for number in range(deliveries):
            record = delivery_of(CHANNEL, number, BASE_MS)
            who = f"user-{number % lanes}"
            record["notification"]["recipient_id"] = who
            value = codec.encode("Delivery", record)
            filling.write(self.policy.topics[1], value, who.encode(), headers_of(record))
        filling.flush()

    def park(self, records: int) -> None:
        """So many that wait in retry topics for longer than is measured, each alone in a lane of its own."""
        codec, filling, tiers = Codec(), self._filling(), self.policy.topics[TIER_0:]
        made = [delivery_of(CHANNEL, number, BASE_MS) for number in range(_VALUES)]
        ready = [(codec.encode("Delivery", record), headers_of(record)) for record in made]
        due = time.time_ns() // 1_000_000 + _FAR_MS
        for number in range(records):
            value, own = ready[number % _VALUES]
            told = [
                (headers.ATTEMPT, b"2"),
                (headers.REDRIVES, b"0"),
                (headers.FIRST_FAILED_AT, b"%d" % BASE_MS),
                (headers.FAILURE_KIND, b"transient"),
                (headers.FAILURE_REASON, b"421 come back later"),
                (headers.PROVIDER, b"smtp"),
                (headers.PRIORITY, b"normal"),
                (headers.ORIGIN_OFFSET, b"%d" % (number // self.partitions)),
                (headers.NOT_BEFORE, b"%d" % (due + number % _FAR_MS)),
            ]
            filling.write(tiers[number % len(tiers)], value, b"parked-%d" % number, [*own, *told])
        filling.flush()

    def left(self) -> int:
        """Deliveries of the main topic that are not committed."""
        admin, name = self.admin, self.policy.name
        found = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])[name].result(_SECONDS)
        at = {tp.partition: max(0, tp.offset) for tp in found.topic_partitions if tp.topic == self.policy.topics[1]}
        places = {
            TopicPartition(self.policy.topics[1], number): OffsetSpec.latest() for number in range(self.partitions)
        }
        ends = {tp.partition: told.result(_SECONDS).offset for tp, told in admin.list_offsets(places).items()}
        return sum(end - at.get(number, 0) for number, end in ends.items())

    def _filling(self) -> Filling:
        return Filling(self.endpoints.kafka_bootstrap_servers)


@contextmanager
def ground_of_its_own(partitions: int, say: Say) -> Iterator[Ground]:
    """Servers that are gone at the end of the block: nothing of one point is left for the next."""
    with ExitStack() as open_:
        open_.enter_context(java_as_in_service())
        stack = open_.enter_context(Stack(services=("kafka", "valkey"), say=lambda line: say(line.text)))
        cores = Cores.of_this_machine()
        for pid in stack.pids().values():
            open_.enter_context(kept_off(cores, pid))
        admin = AdminClient({"bootstrap.servers": stack.endpoints.kafka_bootstrap_servers, "log_level": 0})
        ground = Ground(stack.endpoints, cores, partitions, admin)
        names = [*ground.policy.topics, topics.DELIVERY_STATUS, topics.DEAD_LETTERS]
        for made in admin.create_topics([NewTopic(name, partitions, 1) for name in names]).values():
            made.result(_SECONDS)
        yield ground
