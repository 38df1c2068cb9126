"""Ground on the session's Kafka."""

from tests.engine.conftest import ground

__all__ = ["ground"]
