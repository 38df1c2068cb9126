"""A dead letter as it is kept: why it died, its record as it came, and what a person did about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

Kind = Literal["poison", "permanent", "exhausted", "ambiguous", "unknown"]
"""streams.domain.next_step.DeadLetterKind; `unknown`: somebody else wrote it, without the headers that tell."""


class State(StrEnum):
    """What became of a dead letter."""

    WAITING = "waiting"  # for a person
    REDRIVEN = "redriven"  # put back to work; if it died again, there is a newer dead letter of it
    DROPPED = "dropped"  # given up for a reason that is kept; its record is forgotten


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One row of dead_letters. `redrives`: how often the delivery had been put back to work when it died.

    `expires_at`: of its notification; None: it does not expire, or it could not be read when it was kept.
    """

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
    tenant: str | None = None
    expires_at: datetime | None = None
    dropped_at: datetime | None = None
    drop_reason: str | None = None

    @property
    def state(self) -> State:
        return state_of(self.redriven_at, self.dropped_at)


def state_of(redriven_at: datetime | None, dropped_at: datetime | None) -> State:
    """Dropped is the end, also of one that was redriven."""
    if dropped_at is not None:
        return State.DROPPED
    return State.WAITING if redriven_at is None else State.REDRIVEN


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last dead letter of a page."""

    dead_at: datetime
    dead_letter_id: str
