"""A notification, a channel, a delivery: the nouns everything else speaks of."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import field
from uuid_utils import UUID, uuid5  # a sixth of the time of uuid.uuid5, and the router makes one per delivery

from streams.domain.value import Value

_NAMESPACE = UUID("9d1c7c1e-3c5f-5d0a-8a1b-6f4b0a2f7d11")


class Priority(StrEnum):
    """Weights 16:4:1 in a sender: low keeps at least 1/21 of it under any flood."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Channel(StrEnum):
    """The channels that have a sender."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SMS = "sms"


class Notification(Value, frozen=True):
    """A request to tell one recipient something. Times are milliseconds since 1970-01-01 UTC; `data` is JSON text."""

    notification_id: str
    recipient_id: str
    type: str
    priority: Priority
    created_at: int
    data: str = "{}"
    tenant: str | None = None
    expires_at: int | None = None
    send_at: int | None = None
    channels: tuple[str, ...] = ()
    locale: str | None = None
    dedupe_key: str | None = None
    cancellation_key: str | None = None
    to: Mapping[str, str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def delivery_id(notification_id: str, channel: str) -> str:
    """UUIDv5 of notification and channel: the same delivery has the same id whoever computes it, however often."""
    return str(uuid5(_NAMESPACE, f"{notification_id}/{channel}"))
