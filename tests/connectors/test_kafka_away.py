"""The publisher while Kafka is not there, and when it comes back."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from signal import SIGCONT, SIGSTOP

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka.publisher import Publisher, PublisherPolicy
from connectors.outgoing import Outgoing
from connectors.unavailable import Unavailable
from ops.devstack import Endpoints, Stack
from tests.connectors.wire import closed_port


@asynccontextmanager
async def publishing(servers: str, topic: str = "t") -> AsyncIterator[Publisher]:
    publisher = Publisher(PublisherPolicy(servers, (topic,)))
    await publisher.open()
    try:
        yield publisher
    finally:
        await publisher.close()


async def fate(publisher: Publisher, topic: str) -> tuple[bool, float]:
    """Whether a record was confirmed, and after how many seconds."""
    began = time.monotonic()
    try:
        await publisher.publish(topic, b"ada", b"value", [])
    except Unavailable as error:
        return (error.service, bool(error.reason)) != ("Kafka", True), time.monotonic() - began
    return True, time.monotonic() - began


def new_topic(servers: str) -> str:
    topic = f"away-{uuid.uuid4()}"
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    return topic


async def test_nobody_waits_longer_than_two_seconds_and_then_most_are_refused_at_once() -> None:
    async with publishing(f"127.0.0.1:{closed_port()}") as publisher:
        first = await asyncio.gather(*(fate(publisher, "t") for _ in range(20)))
        assert not any(confirmed for confirmed, _ in first)
        assert max(seconds for _, seconds in first) < 2
        then = await asyncio.gather(*(fate(publisher, "t") for _ in range(100)))
        assert not any(confirmed for confirmed, _ in then)
        assert sum(seconds < 0.5 for _, seconds in then) >= 95


async def test_when_too_many_wait_the_rest_are_refused_at_once() -> None:
    publisher = Publisher(PublisherPolicy(f"127.0.0.1:{closed_port()}", waiting=3))
    fates = await asyncio.gather(*(fate(publisher, "t") for _ in range(5)))
    assert not any(confirmed for confirmed, _ in fates)
    assert sum(seconds < 0.5 for _, seconds in fates) == 2
    await publisher.close()


async def test_a_topic_that_is_missing_is_unavailable_in_time(servers: Endpoints) -> None:
    async with publishing(servers.kafka_bootstrap_servers, "no-such-topic") as publisher:
        confirmed, seconds = await fate(publisher, "no-such-topic")
        assert (confirmed, seconds < 2) == (False, True)
        with pytest.raises(Unavailable, match=r"no-such-topic.*tidings topics apply"):
            await publisher.reachable()


async def test_one_missing_topic_does_not_keep_others_from_being_published(servers: Endpoints) -> None:
    topic = new_topic(servers.kafka_bootstrap_servers)
    async with publishing(servers.kafka_bootstrap_servers, topic) as publisher:
        await fate(publisher, topic)
        missing = asyncio.create_task(fate(publisher, "no-such-topic"))
        while not missing.done():
            assert (await fate(publisher, topic))[0]
        assert not missing.result()[0]
        assert (await fate(publisher, topic))[0]


async def test_it_publishes_again_soon_after_kafka_moves_on(own_kafka: Stack) -> None:
    servers = own_kafka.endpoints.kafka_bootstrap_servers
    topic = new_topic(servers)
    async with publishing(servers, topic) as publisher:
        assert (await fate(publisher, topic))[0]
        own_kafka.signal("kafka", SIGSTOP)
        try:
            confirmed, seconds = await fate(publisher, topic)
            assert (confirmed, seconds < 2) == (False, True)
            with pytest.raises(Unavailable):
                await publisher.reachable()
        finally:
            own_kafka.signal("kafka", SIGCONT)
        async with asyncio.timeout(10):
            while not (await fate(publisher, topic))[0]:
                await asyncio.sleep(0.02)
        assert (await fate(publisher, topic))[0]


async def test_after_a_fatal_error_it_goes_on_with_a_new_producer(servers: Endpoints) -> None:
    topic = new_topic(servers.kafka_bootstrap_servers)
    async with publishing(servers.kafka_bootstrap_servers, topic) as publisher:
        assert (await fate(publisher, topic))[0]
        under_way = asyncio.create_task(fate(publisher, topic))
        await asyncio.sleep(0)
        publisher.heard(KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "out of order", fatal=True))
        assert (await under_way)[1] < 1, "it is given up at once"
        async with asyncio.timeout(10):
            while not (await fate(publisher, topic))[0]:
                await asyncio.sleep(0.02)


async def test_nothing_runs_while_nothing_is_on_its_way(servers: Endpoints) -> None:
    topic = new_topic(servers.kafka_bootstrap_servers)
    async with publishing(servers.kafka_bootstrap_servers, topic) as publisher:
        assert (await fate(publisher, topic))[0]
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > 1:  # this test itself
                await asyncio.sleep(0.01)


def test_without_an_event_loop_it_is_unavailable_after_a_while() -> None:
    publisher = Publisher(PublisherPolicy(f"127.0.0.1:{closed_port()}"))
    with pytest.raises(Unavailable):
        publisher.publish_all([Outgoing("t", b"ada", b"value")])
