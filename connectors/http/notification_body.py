"""The body of POST /v1/notifications: its form, and what it asks for in the words of the domain."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from connectors.http.body import Body, Language, Name, example
from streams.domain.notification import Notification, Priority

MAX_DEPTH = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text.lower()):
        raise ValueError("not a UUID: write one such as 0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90, or leave it out")
    return text.lower()


def moment(text: str) -> str:
    """RFC 3339 with a zone, as it came. Raises ValueError with what is wrong."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("not a time with its zone: write RFC 3339, such as 2030-01-31T18:00:00Z")
    to_ms(text)
    return text


def to_ms(text: str) -> int:
    """RFC 3339 as ms since 1970 UTC. Raises ValueError for a day or an hour that does not exist."""
    try:
        return (datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise ValueError("this day or hour does not exist") from None


def _data(value: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair: this is no text") from None
    except ValueError:
        raise ValueError("NaN and Infinity are not JSON") from None
    if _depth(value) > MAX_DEPTH:
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
    return value


def _depth(value: Any, level: int = 1) -> int:
    if level > MAX_DEPTH or not isinstance(value, dict | list) or not value:
        return level
    return max(_depth(each, level + 1) for each in (value.values() if isinstance(value, dict) else value))


class NotificationBody(Body):
    """Tell one recipient something."""

    model_config = example(
        {
            "recipient_id": "ada",
            "to": {"email": "ada@example.com"},
            "type": "password.reset",
            "data": {"first_name": "Ada", "reset_url": "https://shop.example.com/reset/1", "valid_minutes": 30},
        }
    )

    notification_id: Annotated[str, AfterValidator(_uuid)] | None = Field(
        None,
        description="A UUID of your own: send the same one again after a failure, and nobody is told twice. "
        "Left out: one is made.",
        examples=["0198c5a0-6f3e-7c21-9d4e-2f1a5b3c7d90"],
    )
    recipient_id: Name = Field(description="Who is told: 1 to 200 characters.", examples=["ada"])
    type: Name = Field(description="A type of the catalogue.", examples=["password.reset"])
    priority: Priority | None = Field(
        None, strict=False, description="high, normal or low; left out: as the type says."
    )
    data: Annotated[dict[str, Any], AfterValidator(_data)] | None = Field(
        None,
        description="What the templates need.",
        examples=[{"first_name": "Ada", "reset_url": "https://shop.example.com/reset/1", "valid_minutes": 30}],
    )
    channels: list[str] | None = Field(
        None, max_length=16, description="Only these channels; left out: those of the type.", examples=[["email"]]
    )
    to: dict[str, str] | None = Field(
        None,
        description="Addresses by channel, used instead of the recipient's own.",
        examples=[{"email": "ada@example.com"}],
    )
    locale: Language | None = Field(None, description="A BCP 47 language tag.", examples=["de-AT"])
    expires_at: Annotated[str, AfterValidator(moment)] | None = Field(
        None,
        description="RFC 3339. Nothing is sent from this moment on.",
        examples=["2030-01-31T18:00:00Z"],
        json_schema_extra={"format": "date-time"},
    )
    tenant: Name | None = Field(None, description="The customer on whose behalf it is sent.")
    metadata: dict[str, str] | None = Field(
        None, description="Carried along, never interpreted.", examples=[{"order_id": "4711"}]
    )

    def hash(self) -> str:
        """SHA-256 of the canonical body: what was given, without the id, whatever its order and spelling."""
        given = self.model_dump(mode="json", exclude_none=True, exclude={"notification_id"})
        if self.expires_at is not None:
            given["expires_at"] = to_ms(self.expires_at)
        return hashlib.sha256(json.dumps(given, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def notification(self, notification_id: str, priority: Priority, created_at: int) -> Notification:
        """What is published. `created_at`: ms since 1970 UTC."""
        return Notification(
            notification_id=notification_id,
            recipient_id=self.recipient_id,
            type=self.type,
            priority=self.priority or priority,
            created_at=created_at,
            data=json.dumps(self.data or {}, ensure_ascii=False, separators=(",", ":")),
            tenant=self.tenant,
            expires_at=None if self.expires_at is None else to_ms(self.expires_at),
            channels=tuple(dict.fromkeys(self.channels or ())),
            locale=self.locale,
            to=self.to or None,
            metadata=self.metadata or {},
        )
