"""The HTTP API, and the commands that do what it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.http.ports import Parts
from connectors.kafka.publisher import Publisher, PublisherPolicy
from connectors.postgres.api_keys import ApiKeyReader
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.notifications import NotificationReader
from connectors.postgres.pool import Pool
from connectors.postgres.readiness import Migrated
from connectors.postgres.recipients import RecipientStore
from connectors.redis.accepted import AcceptedInRedis
from connectors.redis.asking import Asking
from connectors.redis.client import RedisServer
from connectors.redis.recipients import RecipientCache
from ops.settings import Settings
from ops.wiring.shared import all_open, catalogue, codec, declared_topics, new_id, now_ms

REDIS_WAIT_S = 0.02  # of a request: it is answered well within 50 ms, whatever Redis does


def api_parts(settings: Settings) -> Parts:
    """What the API stands on; the command line uses the same."""
    ours = codec(settings)
    pool, redis = Pool(settings.postgres_dsn, "tidings-api"), RedisServer(settings.redis_url)
    recipients, asking = RecipientStore(pool, ours, new_id), Asking(REDIS_WAIT_S)
    written = [topic.name for topic in declared_topics(settings) if "api" in topic.producers]
    publisher = Publisher(PublisherPolicy(settings.kafka_bootstrap_servers, written))
    return Parts(
        publisher=publisher,
        recipients=recipients,
        cache=RecipientCache(redis.client, recipients.load, asking),
        accepted=AcceptedInRedis(redis.client, asking),
        notifications=NotificationReader(pool),
        dead_letters=DeadLetterStore(pool),
        api_keys=ApiKeyReader(pool),
        catalogue=catalogue(settings),
        codec=ours,
        now=now_ms,
        new_id=new_id,
        needed={"postgresql": Migrated(pool).check, "kafka": publisher.reachable},
        useful={"redis": redis.reachable},
        resources=(pool, redis, asking, publisher),
    )


@asynccontextmanager
async def opened(parts: Parts) -> AsyncIterator[Parts]:
    """The parts with their resources open."""
    async with all_open(parts.resources):
        yield parts
