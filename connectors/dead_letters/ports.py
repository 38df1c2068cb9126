"""What working on dead letters needs of the world."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.dead_letters.dead_letter import Cursor, DeadLetter
from connectors.dead_letters.stats import DeadLetterStats
from connectors.dead_letters.wanted import DeadLetterFilter
from schemas.codec import Codec
from schemas.headers import Headers


class Publisher(Protocol):
    """connectors.kafka.publisher, or its fake."""

    async def publish(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Returns when Kafka has confirmed it. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The next ones to put back: those that wait, oldest first, after `after`. `now`: ms since 1970 UTC."""

    wanted: DeadLetterFilter
    after: Cursor | None
    limit: int
    now: int


@dataclass(frozen=True, slots=True)
class Drop:
    """Give up those that wait, for `reason`: at most `maximum`, oldest first. `now`: ms since 1970 UTC."""

    wanted: DeadLetterFilter
    reason: str
    maximum: int
    now: int


Work = Callable[[DeadLetter], Awaitable[None]]
WorkMany = Callable[[Sequence[DeadLetter]], Awaitable[Collection[str]]]


class DeadLetters(Protocol):
    """connectors.postgres.dead_letters, or its fake. Every method raises Unavailable; `now`: ms since 1970 UTC."""

    async def find(self, dead_letter_id: str) -> DeadLetter | None:
        """None: there is none."""

    async def letters(self, wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> Sequence[DeadLetter]:
        """Newest first, those before the cursor, with their records."""

    async def stats(self, wanted: DeadLetterFilter, now: int) -> DeadLetterStats:
        """How many, of what, since when."""

    async def redriven(self, dead_letter_id: str, work: Work, now: int) -> DeadLetter | None:
        """Do `work` while nobody else can redrive it, then note the time; None: there is no such dead letter."""

    async def redriven_many(self, batch: Batch, work: WorkMany) -> Sequence[DeadLetter]:
        """Do `work` while nobody else can redrive them, then note the time of those whose ids it returns.

        What somebody else is at work on is left out, and so is what has expired as far as the rows tell. When the
        process dies in between, nothing is noted: the same ones wait as before. Returns the batch; empty: none left.
        """

    async def dropped(self, dead_letter_id: str, work: Work, reason: str, now: int) -> DeadLetter | None:
        """Do `work` on it, then forget its record and note reason and time; None: there is no such dead letter."""

    async def dropped_many(self, drop: Drop) -> int:
        """How many were given up; those that somebody else is at work on are left out."""


class RedriveParts(Protocol):
    """What redriving stands on; http.ports.Parts has it all. `new_id`: a UUIDv7 as text."""

    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def publisher(self) -> Publisher: ...
    @property
    def codec(self) -> Codec: ...
    @property
    def now(self) -> Callable[[], int]: ...
    @property
    def new_id(self) -> Callable[[], str]: ...
