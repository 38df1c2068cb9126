"""Ground on the session's Kafka."""

from pathlib import Path

import pytest

from ops.devstack import Endpoints
from tests.engine.ground import Ground


@pytest.fixture
def ground(servers: Endpoints, tmp_path: Path) -> Ground:
    """Topic names of this test's own; `ground.create()` makes the topics."""
    return Ground(str(servers.kafka_bootstrap_servers), tmp_path)
