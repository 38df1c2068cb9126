"""Kafka in memory: what was published is in `records`. `away = True`: as if no broker answered."""

from collections.abc import Iterable

from connectors.outgoing import Outgoing
from connectors.unavailable import Unavailable
from schemas.headers import Headers


class PublisherInMemory:
    """Like connectors.kafka.publisher."""

    def __init__(self) -> None:
        self.away = False
        self.records: list[Outgoing] = []

    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.publish_all([Outgoing(topic, key, value, headers)])

    def publish_all(self, records: Iterable[Outgoing]) -> None:
        if self.away:
            raise Unavailable("Kafka", "away in memory")
        self.records.extend(records)
