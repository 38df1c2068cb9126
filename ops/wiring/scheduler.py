"""The scheduler: outbox relay and retention."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from connectors.kafka.publisher import Publisher, PublisherPolicy
from connectors.outbox.relay import Relay, RelayPolicy
from connectors.postgres.pool import Pool
from connectors.postgres.recipients import RecipientStore
from connectors.redis.client import RedisServer
from connectors.redis.recipients import RecipientCache
from ops.settings import Settings
from ops.telemetry.health import Health
from ops.wiring.shared import all_open, codec, new_id


@asynccontextmanager
async def relay(settings: Settings, health: Health) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """The outbox relay's run(), with what it needs open."""
    pool, redis = Pool(settings.postgres_dsn, "tidings-relay"), RedisServer(settings.redis_url)
    async with all_open((pool, redis)):
        cache = RecipientCache(redis.client, RecipientStore(pool, codec(settings), new_id).load)
        publisher = Publisher(PublisherPolicy(settings.kafka_bootstrap_servers))
        yield Relay(RelayPolicy(settings.postgres_dsn), publisher.publish_all, cache.refresh, health).run
