"""What the API tells of a notification: the same words in PostgreSQL's answers, in JSON and in the reference page."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from connectors.dead_letters.dead_letter import state_of


@dataclass(frozen=True, slots=True)
class Attempt:
    """One provider call, redacted: no address, no content."""

    started_at: datetime
    provider: str
    duration_ms: float
    code: Annotated[str | None, Field(description="The provider's own code, such as 250 or 503.")]
    failure_kind: Annotated[str | None, Field(description="transient, throttled or permanent; null: it went well.")]
    reason: str | None
    request: str
    response: str
    attempt: Annotated[int, Field(description="Counted from 1 in each redrive.")]
    redrives: int
    provider_message_id: str | None


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """One notification on one channel: where it stands, who decided that, and every attempt."""

    delivery_id: str
    channel: str
    status: Annotated[
        str,
        Field(
            description="queued, sending, retrying, held, sent, delivered, bounced, suppressed, expired, canceled, "
            "dead_lettered or unknown."
        ),
    ]
    layer: Annotated[
        str | None, Field(description="The layer that decided: veto, required, recipient, tenant or system.")
    ]
    rule: Annotated[str | None, Field(description="That layer's rule, such as category:marketing.")]
    reason: str | None
    attempts_count: int
    redrives: int
    provider: str | None
    provider_message_id: str | None
    due_at: Annotated[datetime | None, Field(description="When the next attempt is due, while retrying or held.")]
    updated_at: datetime
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A dead letter of a notification."""

    dead_letter_id: str
    kind: Annotated[str, Field(description="poison, permanent, exhausted or ambiguous.")]
    reason: str
    delivery_id: Annotated[str | None, Field(description="null: it died before it became a delivery.")]
    redriven_at: datetime | None


@dataclass(frozen=True, slots=True)
class NotificationState:
    """A notification and its deliveries. While nothing is recorded yet: `accepted`, without deliveries."""

    notification_id: str
    status: Annotated[
        str,
        Field(
            description="While a delivery is under way: where the one furthest behind stands. At the end: the best end "
            "a delivery has come to."
        ),
    ]
    recipient_id: str | None = None
    type: str | None = None
    priority: str | None = None
    category: str | None = None
    tenant: str | None = None
    created_at: datetime | None = None
    decided_at: datetime | None = None
    catalogue_version: str | None = None
    preference_version: int | None = None
    deliveries: list[DeliveryState] = field(default_factory=list)
    dead_letters: list[DeadRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeadLetterState:
    """A record that no retry helps."""

    dead_letter_id: str
    state: Annotated[
        str,
        Field(
            description="waiting (for a person), redriven (if it died again, a newer dead letter tells), or dropped "
            "(its record is forgotten)."
        ),
    ]
    kind: Annotated[str, Field(description="poison, permanent, exhausted or ambiguous.")]
    reason: str
    provider: str | None
    notification_id: str | None
    delivery_id: str | None
    recipient_id: str | None
    type: str | None
    channel: str | None
    tenant: str | None
    attempt: int
    redrives: Annotated[int, Field(description="How often it had been redriven when it died.")]
    origin_topic: str
    origin_partition: int
    origin_offset: int
    dead_at: datetime
    expires_at: Annotated[datetime | None, Field(description="Nothing is sent from this moment on.")]
    redriven_at: datetime | None
    dropped_at: datetime | None
    drop_reason: str | None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "DeadLetterState":
        """Of a row, or of the fields of a DeadLetter."""
        state = str(state_of(told["redriven_at"], told["dropped_at"]))
        return cls(state=state, **{each.name: told[each.name] for each in fields(cls) if each.name != "state"})


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """Newest first. `next`: give it as `before` for the page after this one; null: this was the last."""

    items: list[DeadLetterState]
    next: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterDetail(DeadLetterState):
    """One dead letter with its record. `value` is decoded; when it cannot be, `value_base64` holds its raw bytes."""

    first_failed_at: datetime | None
    key: Annotated[str | None, Field(description="The recipient's id, as long as it is UTF-8.")]
    headers: list[tuple[str, str]]
    record: Annotated[str | None, Field(description="Delivery, Notification, or null: it cannot be read.")]
    value: dict[str, Any] | None
    value_base64: str | None
