"""What can be asked of dead letters: one set of filters for all, as query parameters and in bodies."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from connectors.dead_letters.dead_letter import Cursor, Kind, State
from connectors.dead_letters.drop import DropMany
from connectors.dead_letters.many import RedriveMany
from connectors.dead_letters.pace import DEFAULT_RATE, FASTEST, SLOWEST
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.http.body import Body, Name, example
from connectors.http.notification_body import moment
from connectors.http.problems import FieldError, invalid
from streams.domain.notification import Channel

MAX_PAGE = 200
_ANSWER_SECONDS = 20.0  # a proxy in front waits longer
Moment = Annotated[str, AfterValidator(moment)]
_DRY_RUN = "false: do it. true or left out: only tell what would be done."
_TIME: JsonDict = {"format": "date-time"}


class Filters(Body):
    """Left out: any. What is given must all be true."""

    kind: Kind | None = Field(None, description="Why it died: poison, permanent, exhausted or ambiguous.")
    reason: Name | None = Field(None, description="A part of the reason, in any case.", examples=["550"])
    type: Name | None = Field(None, description="Of this type.", examples=["order.shipped"])
    channel: Channel | None = Field(None, strict=False, description="On this channel.")
    provider: Name | None = Field(None, description="Last called was this provider.")
    recipient_id: Name | None = Field(None, description="For this recipient.")
    tenant: Name | None = Field(None, description="Of this tenant.")
    since: Moment | None = Field(None, description="Died at this moment or later. RFC 3339.", json_schema_extra=_TIME)
    until: Moment | None = Field(None, description="Died before this moment. RFC 3339.", json_schema_extra=_TIME)

    def wanted(self, state: State | None = None) -> DeadLetterFilter:
        """In the words of connectors.dead_letters."""
        return DeadLetterFilter(
            kind=self.kind,
            reason=self.reason,
            type=self.type,
            channel=self.channel,
            provider=self.provider,
            recipient_id=self.recipient_id,
            tenant=self.tenant,
            since=_time(self.since),
            until=_time(self.until),
            state=state,
        )


class FilterQuery(Filters):
    """The same as query parameters, where everything is text."""

    model_config = ConfigDict(strict=False)

    state: State | None = Field(None, description="What became of it: waiting, redriven or dropped.")


class PageQuery(FilterQuery):
    """And which page."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description=f"How many at most, up to {MAX_PAGE}; left out: 50.")
    before: str | None = Field(None, description="`next` of the page before.")


class RedriveBody(Filters):
    """Put back to work what waits and what the filters mean."""

    model_config = example({"type": "order.shipped", "reason": "550", "rate": 50, "dry_run": True})

    rate: int = Field(
        DEFAULT_RATE,
        ge=SLOWEST,
        le=FASTEST,
        description=f"How many a second, up to {FASTEST}; left out: {DEFAULT_RATE}.",
    )
    maximum: int | None = Field(None, ge=1, description="How many at most; left out: all.", examples=[50])
    own_priority: bool = Field(
        False,
        description="true: deliveries go back at the priority they had; otherwise at low, where they make way for "
        "live ones.",
    )
    dry_run: bool = Field(True, description=_DRY_RUN)

    def asked(self) -> RedriveMany:
        return RedriveMany(self.wanted(), self.rate, self.maximum, self.own_priority, _ANSWER_SECONDS)


class DropBody(Filters):
    """Give up what waits and what the filters mean; `drop_reason` stays with it."""

    model_config = example({"kind": "poison", "drop_reason": "test records of 12 March", "dry_run": True})

    drop_reason: Name = Field(description="Why, for whoever asks later.", examples=["test records of 12 March"])
    maximum: int | None = Field(None, ge=1, description="How many at most, oldest first; left out: all.")
    dry_run: bool = Field(True, description=_DRY_RUN)

    def asked(self) -> DropMany:
        return DropMany(self.wanted(), self.drop_reason, self.maximum)


class DropOneBody(Body):
    """Why it is given up."""

    model_config = example({"drop_reason": "sent by hand"})

    drop_reason: Name = Field(description="Why, for whoever asks later.", examples=["sent by hand"])


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.upper()).astimezone(UTC)


def next_page(last_at: datetime, last_id: str) -> str:
    """The cursor after these, as text that survives a URL."""
    microseconds = int(last_at.timestamp()) * 1_000_000 + last_at.microsecond
    return base64.urlsafe_b64encode(f"{microseconds} {last_id}".encode()).decode().rstrip("=")


def cursor(text: str | None) -> Cursor | None:
    """Raises a Problem for what no page told."""
    if text is None:
        return None
    try:
        told = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        moment_text, _, dead_letter_id = told.partition(" ")
        seconds, microseconds = divmod(int(moment_text), 1_000_000)
        dead_at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
        if "\0" in dead_letter_id:  # PostgreSQL's text has none
            raise ValueError
    except (binascii.Error, ValueError, OverflowError, OSError):
        raise invalid([FieldError("before", "give what `next` told on the page before, or leave it out")]) from None
    return Cursor(dead_at, dead_letter_id)
