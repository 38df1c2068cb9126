"""What goes back to Kafka when a dead letter is redriven. Pure: time and ids are arguments."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from connectors.dead_letters.dead_letter import DeadLetter
from connectors.outgoing import Outgoing
from schemas import headers, topics
from schemas.codec import Codec, PoisonRecord
from schemas.records import delivery_from_record, notification_from_record, status_to_record
from streams.domain.delivery import Delivery
from streams.domain.delivery_status import Status
from streams.domain.notification import Channel, Notification, Priority

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
_WAYS_BACK = frozenset(
    {
        *map(topics.notifications, Priority),
        *(topics.deliveries(channel, priority) for channel in Channel for priority in Priority),
        topics.DECISIONS,
        topics.DELIVERY_STATUS,
    }
)


@dataclass(frozen=True, slots=True)
class PutBack:
    """How. `now`: ms since 1970 UTC; `event_id`: of the status that tells of it.

    `low`: a delivery goes into the topic of low priority, whatever its own is, so that it makes way for live ones.
    """

    now: int
    event_id: str
    low: bool = False


class Skip(StrEnum):
    """Why one does not go back."""

    EXPIRED = "expired"  # nothing is sent after expires_at
    UNPLACED = "unplaced"  # no delivery, and it came from no topic of ours


def put_back(dead: DeadLetter, codec: Codec, how: PutBack) -> tuple[Outgoing, ...] | Skip:
    """The same key and value, then, for a delivery, the status that it is queued again: keyed by its recipient."""
    delivery = read_delivery(dead, codec)
    if _expired(dead, delivery.notification if delivery else _notification(dead, codec), how.now):
        return Skip.EXPIRED
    redrives = dead.redrives + 1
    own = [(name, value.encode()) for name, value in dead.headers if name not in _OF_THE_FAILURE]
    again = [*own, (headers.REDRIVES, b"%d" % redrives)]
    if delivery is None:
        known = dead.origin_topic in _WAYS_BACK
        return (Outgoing(dead.origin_topic, dead.key, dead.value, again),) if known else Skip.UNPLACED
    priority = Priority.LOW if how.low else delivery.notification.priority
    status = status_to_record(delivery, Status.QUEUED, how.now, redrives=redrives, reason=_REASON)
    return (
        Outgoing(topics.deliveries(delivery.channel, priority), dead.key, dead.value, again),
        Outgoing(
            topics.DELIVERY_STATUS,
            delivery.notification.recipient_id.encode(),
            codec.encode("DeliveryStatus", status),
            headers.cloud_event(how.event_id, "tidings.delivery-status", _SOURCE, how.now),
        ),
    )


def read_delivery(dead: DeadLetter, codec: Codec) -> Delivery | None:
    """The delivery in a dead letter; None: it is a notification, or it cannot be read."""
    try:
        return delivery_from_record(codec.decode("Delivery", dead.value))
    except (PoisonRecord, ValueError):
        return None


def _notification(dead: DeadLetter, codec: Codec) -> Notification | None:
    try:
        return notification_from_record(codec.decode("Notification", dead.value))
    except (PoisonRecord, ValueError):
        return None


def _expired(dead: DeadLetter, told: Notification | None, now: int) -> bool:
    """By what was kept with it, or by the record itself: older rows do not tell."""
    if told is not None:
        return told.expires_at is not None and told.expires_at <= now
    return dead.expires_at is not None and dead.expires_at <= datetime.fromtimestamp(now / 1000, UTC)
