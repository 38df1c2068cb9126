"""Ground on the session's Kafka."""

import pytest

from ops.bench.router.ground import Ground
from ops.devstack import Endpoints


@pytest.fixture
def ground(servers: Endpoints) -> Ground:
    return Ground(servers.kafka_bootstrap_servers)
