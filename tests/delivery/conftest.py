"""Ground on the session's Kafka, and claims in its Valkey."""

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.redis.claims import RedisClaims
from ops.devstack import Endpoints
from tests.delivery.ground import Ground


@pytest.fixture
def ground(servers: Endpoints) -> Iterator[Ground]:
    """Entered at the ends of the topics: only what this test puts comes up."""
    made = Ground(servers.kafka_bootstrap_servers)
    yield made
    made.close()


@pytest.fixture
async def claims(servers: Endpoints) -> AsyncIterator[RedisClaims]:
    made = RedisClaims.at(servers.redis_url)
    yield made
    await made.close()
