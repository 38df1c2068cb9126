"""What every publisher promises (connectors.dead_letters.ports.Publisher)."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka.publisher import Publisher, PublisherPolicy
from connectors.memory.publisher import PublisherInMemory
from connectors.outgoing import Outgoing
from schemas.topics import LARGEST_RECORD

Either = PublisherInMemory | Publisher


class Ground:
    """One publisher, and a reader of its topic that knows nothing of it."""

    def __init__(self, publisher: Either, topic: str, servers: str) -> None:
        self.publisher, self.topic, self._servers = publisher, topic, servers

    def arrived(self) -> list[Outgoing]:
        """What is in the topic, all of it, in order."""
        if isinstance(self.publisher, PublisherInMemory):
            return self.publisher.records
        reader = Consumer({"bootstrap.servers": self._servers, "group.id": self.topic, "enable.auto.commit": False})
        end = reader.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=10)[1]
        reader.assign([TopicPartition(self.topic, 0, 0)])
        found: list[Outgoing] = []
        while len(found) < end:
            found += [self._outgoing(message) for message in reader.consume(end, 1.0)]
        reader.close()
        return found

    @staticmethod
    def _outgoing(message: Message) -> Outgoing:
        assert message.error() is None
        return Outgoing(message.topic(), message.key(), message.value(), list(message.headers() or ()))


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.servers)])
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    topic = f"published-{uuid.uuid4()}"
    if request.param == "memory":
        yield Ground(PublisherInMemory(), topic, "")
        return
    servers = request.getfixturevalue("servers").kafka_bootstrap_servers
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": str(LARGEST_RECORD)})])[topic].result(20)
    publisher = Publisher(PublisherPolicy(servers, (topic,), deadline_seconds=20))
    await publisher.open()
    yield Ground(publisher, topic, servers)
    await publisher.close()


async def test_a_record_may_be_as_large_as_any_that_we_write(ground: Ground) -> None:
    value = os.urandom(LARGEST_RECORD - 10_000)  # no compression makes it smaller
    await ground.publisher.publish(ground.topic, b"ada", value, [])
    (record,) = ground.arrived()
    assert record.value == value


async def test_when_it_returns_the_record_is_there_as_it_was_given(ground: Ground) -> None:
    headers = [("ce_id", b"1"), ("ce_id", b"2")]
    await ground.publisher.publish(ground.topic, "ä".encode(), b"\x00value", headers)
    assert ground.arrived() == [Outgoing(ground.topic, "ä".encode(), b"\x00value", headers)]


async def test_a_tombstone_and_a_record_without_key_are_records_too(ground: Ground) -> None:
    await ground.publisher.publish(ground.topic, b"ada", None, [])
    await ground.publisher.publish(ground.topic, None, b"value", [])
    assert ground.arrived() == [Outgoing(ground.topic, b"ada", None), Outgoing(ground.topic, None, b"value")]


async def test_many_side_by_side_are_all_there(ground: Ground) -> None:
    await asyncio.gather(*(ground.publisher.publish(ground.topic, b"ada", b"%d" % n, []) for n in range(300)))
    assert sorted(int(record.value or b"-1") for record in ground.arrived()) == list(range(300))


async def test_without_an_event_loop_all_are_there_when_it_returns_in_order(ground: Ground) -> None:
    records = [Outgoing(ground.topic, b"ada", b"%d" % n) for n in range(1000)]
    ground.publisher.publish_all(records)
    assert ground.arrived() == records
