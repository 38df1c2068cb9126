"""Dead letters as numbers: how many, of what, since when."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.dead_letters.dead_letter import DeadLetter

AT_MOST = 20
DIMENSIONS = ("state", "kind", "type", "channel", "provider", "reason")


@dataclass(frozen=True, slots=True)
class Count:
    """How many have this value; null: it is not known of them."""

    value: str | None
    count: int


@dataclass(frozen=True, slots=True)
class DeadLetterStats:
    """How many there are, `expired` of which nothing would be sent any more, and the most frequent values (20)."""

    total: int = 0
    expired: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    state: list[Count] = field(default_factory=list)
    kind: list[Count] = field(default_factory=list)
    type: list[Count] = field(default_factory=list)
    channel: list[Count] = field(default_factory=list)
    provider: list[Count] = field(default_factory=list)
    reason: list[Count] = field(default_factory=list)


def most_first(counts: Iterable[Count]) -> list[Count]:
    """At most 20."""
    return sorted(counts, key=lambda each: (-each.count, each.value or ""))[:AT_MOST]


def summed_up(letters: Sequence[DeadLetter], now: datetime) -> DeadLetterStats:
    """The reference for what the SQL of `stats` says."""
    if not letters:
        return DeadLetterStats()
    moments = [each.dead_at for each in letters]
    counts = {
        name: most_first(Count(value, n) for value, n in Counter(_text(each, name) for each in letters).items())
        for name in DIMENSIONS
    }
    expired = sum(1 for each in letters if each.expires_at is not None and each.expires_at <= now)
    return DeadLetterStats(len(letters), expired, min(moments), max(moments), **counts)


def _text(letter: DeadLetter, name: str) -> str | None:
    value = getattr(letter, name)
    return None if value is None else str(value)
