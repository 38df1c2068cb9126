"""Dead letters to begin with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.dead_letters.dead_letter import DeadLetter
from schemas import headers
from schemas.records import notification_to_record
from streams.domain.notification import Notification, Priority, delivery_id
from tests.http.api import CODEC

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TOLD = Notification("0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90", "ada", "order.shipped", Priority.HIGH, 1, '{"a":1}')
DELIVERY: dict[str, Any] = {
    "delivery_id": delivery_id(TOLD.notification_id, "email"),
    "channel": "email",
    "locale": "de",
    "category": "shipping",
    "catalogue_version": "v1",
    "preference_version": 3,
    "decided_by": "system",
    "notification": notification_to_record(TOLD),
}
HEADERS = [
    (headers.ID, "e1"),
    (headers.TRACE_PARENT, "00-trace"),
    (headers.ATTEMPT, "4"),
    (headers.NOT_BEFORE, "99"),
    (headers.FIRST_FAILED_AT, "98"),
    (headers.FAILURE_KIND, "permanent"),
    (headers.FAILURE_REASON, "550 no such user"),
    (headers.PROVIDER, "smtp"),
    (headers.ORIGIN_TOPIC, "deliveries.email.high"),
    (headers.ORIGIN_PARTITION, "3"),
    (headers.ORIGIN_OFFSET, "17"),
    (headers.PRIORITY, "high"),
    (headers.REDRIVES, "1"),
]


def dead_letter(number: int = 1, **changes: Any) -> DeadLetter:
    """A delivery that no retry helped; `number` makes its id and its time."""
    told: dict[str, Any] = {
        "dead_letter_id": f"0-{number}",
        "kind": "permanent",
        "reason": "550 no such user",
        "provider": "smtp",
        "notification_id": TOLD.notification_id,
        "delivery_id": DELIVERY["delivery_id"],
        "recipient_id": "ada",
        "type": TOLD.type,
        "channel": "email",
        "attempt": 4,
        "redrives": 1,
        "origin_topic": "deliveries.email.high",
        "origin_partition": 3,
        "origin_offset": 17,
        "key": b"ada",
        "value": CODEC.encode("Delivery", DELIVERY),
        "headers": HEADERS,
        "dead_at": BEGIN + timedelta(microseconds=number),
        "redriven_at": None,
    }
    return DeadLetter(**{**told, **changes})
