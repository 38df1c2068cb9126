"""A router without a broker: what it sends for a batch."""

from dataclasses import dataclass
from typing import Any

from prometheus_client import REGISTRY

from schemas.codec import Codec
from streams.agents.route_notifications import Router, RoutingParts
from streams.agents.router_topics import RouterTopics
from streams.domain.notification import Priority
from streams.engine.batch import Batch, Partition
from streams.engine.memory_outbox import MemoryOutbox
from streams.engine.watermark import Watermark
from tests.engine.ground import CODEC
from tests.engine.router_process import catalogue

NOW = 1_795_500_203_465
TOPICS = RouterTopics.named()
MISPLACED = b"misplaced"
NORMAL = TOPICS.notifications[Priority.NORMAL]


@dataclass
class Fetched:
    """A record of notifications.normal."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = NORMAL
    offset: int = 0
    timestamp: int = NOW - 5


class Wishes(dict[bytes, bytes]):
    """The preference table of one partition."""

    def partition(self, tp: Partition) -> dict[bytes, bytes]:
        assert tp.partition == 3
        return self

    def belongs(self, partition: int, key: bytes) -> bool:
        return partition == 3 and key != MISPLACED

    def size(self) -> int:
        return len(self)


class Stream:
    """A stream of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.value = batch
        self.acked = False

    def noack(self) -> "Stream":
        return self

    async def events(self) -> Any:
        yield self

    def ack(self) -> None:
        self.acked = True


async def route(*records: Fetched, wishes: Wishes | None = None, codec: Codec = CODEC) -> MemoryOutbox:
    """What is sent for a batch of these records."""
    outbox = MemoryOutbox()
    router = Router(RoutingParts(outbox, wishes or Wishes(), catalogue(), codec, TOPICS, lambda: NOW))
    for offset, record in enumerate(records):
        record.offset = offset
    batch = Batch(Partition(records[0].topic, 3), records, Watermark())
    async for each in outbox.batches(stream := Stream(batch)):
        router.route(each)
    assert stream.acked
    return outbox


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0
