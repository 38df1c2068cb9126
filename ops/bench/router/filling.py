"""Records written in great number, as services would write them."""

from typing import Any

from confluent_kafka import Producer
from msgspec.structs import replace

from ops.bench.router.data import Mix, notification_of, traceparent_of
from schemas.codec import Codec
from schemas.headers import Headers, cloud_event
from schemas.records import notification_to_record
from streams.domain.notification import Priority

SOURCE = "/tidings/bench"
EVENT = "tidings.notification"
_SECONDS = 60.0


class Notifications:
    """Encoded notifications, as services publish them."""

    def __init__(self, mix: Mix) -> None:
        self._mix = mix
        self._codec = Codec()

    def made(self, number: int, **changes: Any) -> tuple[Priority, bytes, bytes, Headers]:
        """(priority, value, key, headers) of notification `number`, with other fields as given."""
        told = notification_of(self._mix, number)
        if changes:
            told = replace(told, **changes)
        return (
            told.priority,
            self._codec.encode("Notification", notification_to_record(told)),
            told.recipient_id.encode(),
            cloud_event(told.notification_id, EVENT, SOURCE, told.created_at, traceparent_of(number)),
        )


class Filling:
    """Writes much, as fast as it can; `flush` proves that all of it arrived."""

    def __init__(self, bootstrap_servers: str, **settings: Any) -> None:
        self._failed: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",
                "linger.ms": 20,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 200_000,
                "log_level": 0,
                **settings,
            }
        )

    def write(
        self, topic: str, value: bytes | None, key: bytes, headers: Headers | None = None, partition: int = -1
    ) -> None:
        """One record, now or soon. `partition`: -1 leaves it to the key."""
        while True:
            try:
                self._producer.produce(topic, value, key, partition, self._delivered, headers=headers or [])
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def flush(self) -> None:
        """Wait until all are confirmed. Raises RuntimeError when one is not."""
        if self._producer.flush(_SECONDS) or self._failed:
            raise RuntimeError(f"the data could not be written: {(self._failed or ['too slow'])[0]}")

    def _delivered(self, error: object, _: object) -> None:
        if error is not None:
            self._failed.append(str(error))


class HiddenFilling(Filling):
    """What it writes is in Kafka, and nobody sees it before `show`: a backlog for readers that are there already."""

    def __init__(self, bootstrap_servers: str, name: str) -> None:
        super().__init__(bootstrap_servers, **{"transactional.id": name, "transaction.timeout.ms": 600_000})
        self._producer.init_transactions(_SECONDS)
        self._producer.begin_transaction()

    def show(self) -> None:
        """All at once. Each partition has one more offset than records then, for the marker of the transaction."""
        self._producer.commit_transaction(_SECONDS)
