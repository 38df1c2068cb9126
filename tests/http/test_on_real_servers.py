"""The API on real Kafka, PostgreSQL and Valkey, and while one of them is away."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uuid_utils
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.http.app import create_api
from connectors.http.ports import Parts
from connectors.kafka.publisher import Publisher, PublisherPolicy
from connectors.postgres.api_keys import ApiKeyReader, ApiKeys
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.migrate import migrate
from connectors.postgres.notifications import NotificationReader
from connectors.postgres.pool import Pool
from connectors.postgres.readiness import Migrated
from connectors.postgres.recipients import RecipientStore
from connectors.redis.accepted import AcceptedInRedis
from connectors.redis.asking import Asking
from connectors.redis.client import RedisServer
from connectors.redis.recipients import RecipientCache
from ops.devstack import Endpoints
from ops.wiring.api import REDIS_WAIT_S
from schemas.topics import DELIVERY_STATUS, notifications
from streams.domain.notification import Priority
from tests.connectors.wire import Wire, closed_port
from tests.http.api import CATALOGUE, CODEC, Reply, World, serving

TOPICS = (*map(notifications, Priority), DELIVERY_STATUS)
PATH = "/v1/notifications"


def parts(kafka: str, dsn: str, redis_url: str) -> Parts:
    """As ops.wiring builds them."""

    def new_id() -> str:
        return str(uuid_utils.uuid7())

    pool, redis = Pool(dsn, "tidings-api"), RedisServer(redis_url)
    publisher = Publisher(PublisherPolicy(kafka, TOPICS))
    store, asking = RecipientStore(pool, CODEC, new_id), Asking(REDIS_WAIT_S)
    return Parts(
        publisher=publisher,
        recipients=store,
        cache=RecipientCache(redis.client, store.load, asking),
        accepted=AcceptedInRedis(redis.client, asking),
        notifications=NotificationReader(pool),
        dead_letters=DeadLetterStore(pool),
        api_keys=ApiKeyReader(pool),
        catalogue=CATALOGUE,
        codec=CODEC,
        now=lambda: time.time_ns() // 1_000_000,
        new_id=new_id,
        needed={"kafka": publisher.reachable, "postgresql": Migrated(pool).check},
        useful={"redis": redis.reachable},
        resources=(pool, redis, asking, publisher),
    )


@asynccontextmanager
async def api(kafka: str, dsn: str, redis_url: str, key: str, ready: bool = True) -> AsyncIterator[World]:
    """A client of an API on these servers. `ready`: wait until it says that it is."""
    async with serving(create_api(parts(kafka, dsn, redis_url))) as url, aiohttp.ClientSession() as session:
        world = World()
        world.url, world.session, world.key = url, session, key
        if ready:
            await until_ready(world)
        yield world


async def until_ready(world: World) -> None:
    async with asyncio.timeout(20):
        while (await world.get("/readyz")).status != 200:
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def dsn(servers: Endpoints, database: str) -> str:
    migrate(database)
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap_servers})
    for topic, made in admin.create_topics([NewTopic(topic, 2, 1) for topic in TOPICS]).items():
        if (error := made.exception(20)) is not None:
            assert "already exists" in str(error), topic
    return database


@pytest.fixture(scope="module")
def key(dsn: str) -> str:
    return ApiKeys(dsn).create("test")


def published(servers: Endpoints, topic: str, recipient: str) -> list[dict[str, Any]]:
    """What is in the topic for a recipient, by a reader of its own."""
    reader = Consumer({"bootstrap.servers": servers.kafka_bootstrap_servers, "group.id": str(uuid.uuid4())})
    found: list[dict[str, Any]] = []
    for partition in reader.list_topics(topic, timeout=10).topics[topic].partitions:
        end = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
        reader.assign([TopicPartition(topic, partition, 0)])
        read = 0
        while read < end:
            for message in reader.consume(end, 1.0):
                read = message.offset() + 1
                if message.key() == recipient.encode():
                    found.append(CODEC.decode("Notification", message.value()))
    reader.close()
    return found


def asked(recipient: str, **changes: Any) -> dict[str, Any]:
    return {"recipient_id": recipient, "type": "order.shipped", "data": {"a": 1}, **changes}


@pytest.fixture
def ada() -> str:
    return f"ada-{uuid.uuid4()}"


async def test_202_means_that_an_independent_reader_finds_the_record(
    servers: Endpoints, dsn: str, key: str, ada: str
) -> None:
    async with api(servers.kafka_bootstrap_servers, dsn, servers.redis_url, key) as world:
        assert (await world.get("/readyz")).body["status"] == "ready"
        assert (await world.put(f"/v1/recipients/{ada}", {"addresses": {"email": "a@example.com"}})).status == 200
        reply = await world.post(PATH, asked(ada))
        assert reply.status == 202
        (record,) = published(servers, "notifications.normal", ada)
        assert record["notification_id"] == reply.body["notification_id"]
        told = (await world.get(reply.headers["location"])).body
        assert (told["status"], told["recipient_id"], told["deliveries"]) == ("accepted", ada, [])


async def test_of_the_same_id_at_two_apis_at_once_one_is_published_and_one_is_remembered(
    servers: Endpoints, dsn: str, key: str, ada: str
) -> None:
    body = asked(ada, notification_id=str(uuid.uuid4()), to={"email": "a@example.com"})
    where = (servers.kafka_bootstrap_servers, dsn, servers.redis_url, key)
    async with api(*where) as one, api(*where) as two:
        replies = await asyncio.gather(*(each.post(PATH, body) for each in (one, two) * 5))
        other = await two.post(PATH, {**body, "locale": "de"})
    assert [reply.status for reply in replies] == [202] * 10
    assert sum("idempotent-replay" not in reply.headers for reply in replies) == 1
    assert len(published(servers, "notifications.normal", ada)) == 1
    assert other.status == 409


async def test_kafka_away_is_503_within_two_seconds(servers: Endpoints, dsn: str, key: str, ada: str) -> None:
    async with api(f"127.0.0.1:{closed_port()}", dsn, servers.redis_url, key, ready=False) as world:
        body = asked(ada, to={"email": "a@example.com"})
        began = time.monotonic()
        replies = await asyncio.gather(*(world.post(PATH, body) for _ in range(20)))
        assert time.monotonic() - began < 2
        ready = await world.get("/readyz")
    assert {(reply.status, reply.headers["retry-after"]) for reply in replies} == {(503, "1")}
    assert len({reply.body["notification_id"] for reply in replies}) == 20
    assert (ready.status, ready.body["checks"]["postgresql"], ready.body["checks"]["redis"]) == (503, "ok", "ok")


async def test_redis_away_is_slower_at_most(servers: Endpoints, dsn: str, key: str, ada: str) -> None:
    nowhere = f"redis://127.0.0.1:{closed_port()}/0"
    async with api(servers.kafka_bootstrap_servers, dsn, nowhere, key) as world:
        assert (await world.get("/readyz")).body["status"] == "degraded"
        assert (await world.put(f"/v1/recipients/{ada}", {"addresses": {"email": "a@example.com"}})).status == 200
        body = asked(ada, notification_id=str(uuid.uuid4()))
        assert [(await world.post(PATH, body)).status for _ in range(2)] == [202, 202]
    assert len(published(servers, "notifications.normal", ada)) == 2


async def test_postgresql_away_keeps_nobody_from_sending(servers: Endpoints, dsn: str, key: str, ada: str) -> None:
    async with Wire(dsn) as wire:
        await wire.mend()
        async with api(servers.kafka_bootstrap_servers, wire.url, servers.redis_url, key) as world:
            assert (await world.put(f"/v1/recipients/{ada}", {"addresses": {"email": "a@example.com"}})).status == 200
            await wire.cut()
            sent: list[Reply] = [
                await world.post(PATH, asked(ada)),
                await world.post(PATH, asked(f"{ada}-new", to={"email": "a@example.com"})),
                await world.post(PATH, asked(f"{ada}-unknown")),
            ]
            assert [reply.status for reply in sent] == [202] * 3
            read = await world.get(f"/v1/recipients/{ada}")
            assert (read.status, read.headers["retry-after"]) == (503, "1")
            assert (await world.get("/readyz")).status == 503
            await wire.mend()
            await until_ready(world)
            assert (await world.get(f"/v1/recipients/{ada}")).status == 200


async def test_an_api_that_starts_before_its_servers_comes_up_with_them(servers: Endpoints, dsn: str, key: str) -> None:
    where = (servers.kafka_bootstrap_servers, servers.redis_url, key)
    async with Wire(dsn) as wire, api(where[0], wire.url, *where[1:], ready=False) as world:
        assert (await world.get("/livez")).status == 200
        assert (await world.get("/readyz")).status == 503
        assert (await world.get("/v1/catalogue")).status == 503, "the key cannot be checked"
        await wire.mend()
        await until_ready(world)
        assert (await world.get("/v1/catalogue")).status == 200
