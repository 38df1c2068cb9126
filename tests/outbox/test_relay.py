"""The outbox relay on real Kafka and PostgreSQL."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka.publisher import Publisher, PublisherPolicy
from connectors.outbox.relay import CHANNEL, Relay, RelayPolicy
from connectors.postgres.migrate import migrate
from connectors.unavailable import Unavailable
from ops.devstack import Endpoints
from ops.telemetry.health import Health

TOPIC = f"relayed-{uuid4().hex[:8]}"


class Cache:
    """Notes who was refreshed; away for the first `failures` calls."""

    def __init__(self, failures: int = 0) -> None:
        self.refreshed: list[str] = []
        self.failures = failures

    async def refresh(self, recipient_ids: Sequence[str]) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("Redis")
        self.refreshed += recipient_ids


@pytest.fixture(scope="module")
def dsn(servers: Endpoints, database: str) -> str:
    admin = AdminClient(
        {"bootstrap.servers": servers.kafka_bootstrap_servers}
    )  # kept: a temporary one cancels its calls
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(10)
    migrate(database)
    return database


@asynccontextmanager
async def relaying(servers: Endpoints, dsn: str, cache: Cache) -> AsyncIterator[None]:
    publisher = Publisher(PublisherPolicy(servers.kafka_bootstrap_servers))
    policy = RelayPolicy(dsn, retry_seconds=0.05)
    task = asyncio.create_task(Relay(policy, publisher.publish_all, cache.refresh, Health()).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def commit(dsn: str, *rows: tuple[str, bytes | None]) -> None:
    with psycopg.connect(dsn) as connection:
        for key, value in rows:
            connection.execute("insert into outbox (topic, key, value) values (%s, %s, %s)", (TOPIC, key, value))
        connection.execute(f"notify {CHANNEL}")


async def emptied(dsn: str) -> None:
    async with asyncio.timeout(20):
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            while (await (await connection.execute("select count(*) from outbox")).fetchone()) != (0,):
                await asyncio.sleep(0.02)


def published(servers: Endpoints, prefix: str) -> list[tuple[bytes, bytes | None]]:
    consumer = Consumer({"bootstrap.servers": servers.kafka_bootstrap_servers, "group.id": prefix})
    _, end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    found: list[Any] = []
    while len(found) < end:
        found += consumer.consume(end, 0.5)
    consumer.close()
    return [(m.key(), m.value()) for m in found if m.key().decode().startswith(prefix)]


async def test_rows_are_published_in_the_order_of_their_commit_and_then_forgotten(servers: Endpoints, dsn: str) -> None:
    one, cache = uuid4().hex, Cache()
    async with relaying(servers, dsn, cache):
        commit(dsn, *[(f"{one}-a", b"%d" % n) for n in range(100)], (f"{one}-b", None))
        await emptied(dsn)
    assert published(servers, one) == [
        *[(f"{one}-a".encode(), b"%d" % n) for n in range(100)],
        (f"{one}-b".encode(), None),
    ]
    assert cache.refreshed == [f"{one}-a", f"{one}-b"]


async def test_a_row_stays_until_the_cache_entry_of_its_recipient_is_renewed(servers: Endpoints, dsn: str) -> None:
    one, cache = uuid4().hex, Cache(failures=2)
    async with relaying(servers, dsn, cache):
        commit(dsn, (f"{one}-a", b"v"))
        await emptied(dsn)
    assert cache.refreshed == [f"{one}-a"]
    assert set(published(servers, one)) == {(f"{one}-a".encode(), b"v")}


async def test_of_two_relays_one_works_and_the_other_takes_over(servers: Endpoints, dsn: str) -> None:
    one, first, second = uuid4().hex, Cache(), Cache()
    async with relaying(servers, dsn, second):
        async with relaying(servers, dsn, first):
            commit(dsn, (f"{one}-a", b"1"))
            await emptied(dsn)
            assert len(first.refreshed + second.refreshed) == 1
        commit(dsn, (f"{one}-a", b"2"))
        await emptied(dsn)
    assert [value for _, value in published(servers, one)] == [b"1", b"2"]
