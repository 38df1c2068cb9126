"""Putting a dead letter back to work: which records, with which headers, and in which order things are done."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.outgoing import Outgoing
from schemas import headers, topics
from schemas.codec import Codec, PoisonRecord
from schemas.records import delivery_from_record, status_to_record
from streams.domain.delivery import Delivery
from streams.domain.delivery_status import Status

_SOURCE = "/tidings/redrive"
_REASON = "redriven"
_OF_THE_FAILURE = frozenset(
    {
        headers.ATTEMPT,
        headers.NOT_BEFORE,
        headers.PRIORITY,
        headers.FIRST_FAILED_AT,
        headers.FAILURE_KIND,
        headers.FAILURE_REASON,
        headers.PROVIDER,
        headers.ORIGIN_TOPIC,
        headers.ORIGIN_PARTITION,
        headers.ORIGIN_OFFSET,
        headers.REDRIVES,
    }
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row of dead_letters. `redrives`: how often the delivery had been put back to work when it died."""

    dead_letter_id: str
    kind: str
    reason: str
    provider: str | None
    notification_id: str | None
    delivery_id: str | None
    recipient_id: str | None
    type: str | None
    channel: str | None
    attempt: int
    redrives: int
    origin_topic: str
    origin_partition: int
    origin_offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, str]]
    dead_at: datetime
    redriven_at: datetime | None


@dataclass(frozen=True, slots=True)
class Redrive:
    """What is asked for. `again`: also if it was redriven before. `now`: ms since 1970 UTC."""

    dead_letter_id: str
    again: bool
    now: int
    event_id: str


class AlreadyRedriven(Exception):
    """It was put back to work before; ask for it expressly (`again`) to do so once more."""

    def __init__(self, dead: DeadLetter) -> None:
        super().__init__(f"dead letter {dead.dead_letter_id} was redriven before")
        self.dead = dead


class Publisher(Protocol):
    """connectors.kafka.publisher, or its fake."""

    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: headers.Headers) -> None:
        """Returns when Kafka has confirmed it. Raises Unavailable."""


class DeadLetters(Protocol):
    """connectors.postgres.dead_letters, or its fake."""

    async def redriven(
        self, dead_letter_id: str, work: Callable[[DeadLetter], Awaitable[None]], now: int
    ) -> DeadLetter | None:
        """Do `work` while nobody else can redrive it, then note the time; None: there is no such dead letter."""


async def redrive(asked: Redrive, dead_letters: DeadLetters, publisher: Publisher, codec: Codec) -> DeadLetter | None:
    """Put one back to work; None: there is no such dead letter.

    Raises AlreadyRedriven, and Unavailable when PostgreSQL or Kafka is away: then it can be asked for again, the
    sender recognises a record that had gone out.
    """

    async def work(dead: DeadLetter) -> None:
        if dead.redriven_at is not None and not asked.again:
            raise AlreadyRedriven(dead)
        for record in put_back(dead, codec, asked):
            await publisher.publish(record.topic, record.key, record.value, record.headers)

    return await dead_letters.redriven(asked.dead_letter_id, work, asked.now)


def put_back(dead: DeadLetter, codec: Codec, asked: Redrive) -> tuple[Outgoing, ...]:
    """The same key and value, then, for a delivery, the status that it is queued again."""
    redrives = dead.redrives + 1
    own = [(name, value.encode()) for name, value in dead.headers if name not in _OF_THE_FAILURE]
    again = [*own, (headers.REDRIVES, str(redrives).encode())]
    delivery = read_delivery(dead, codec)
    if delivery is None:
        return (Outgoing(dead.origin_topic, dead.key, dead.value, again),)
    status = status_to_record(delivery, Status.QUEUED, asked.now, redrives=redrives, reason=_REASON)
    return (
        Outgoing(topics.deliveries(delivery.channel, delivery.notification.priority), dead.key, dead.value, again),
        Outgoing(
            topics.DELIVERY_STATUS,
            dead.key,
            codec.encode("DeliveryStatus", status),
            headers.cloud_event(asked.event_id, "tidings.delivery-status", _SOURCE, asked.now),
        ),
    )


def read_delivery(dead: DeadLetter, codec: Codec) -> Delivery | None:
    """The delivery in a dead letter; None: it is a notification, or it cannot be read."""
    try:
        return delivery_from_record(codec.decode("Delivery", dead.value))
    except (PoisonRecord, ValueError):
        return None
