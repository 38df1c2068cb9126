"""Which dead letters are meant: one filter for listing, counting, redriving, dropping and exporting."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connectors.dead_letters.dead_letter import DeadLetter, State


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """None: any. `reason`: a part of it, in any case; `since` is included, `until` is not."""

    kind: str | None = None
    reason: str | None = None
    type: str | None = None
    channel: str | None = None
    provider: str | None = None
    recipient_id: str | None = None
    tenant: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: State | None = None


_EXACT = ("kind", "type", "channel", "provider", "recipient_id", "tenant")


def fits(dead: DeadLetter, wanted: DeadLetterFilter) -> bool:
    """The reference for what the SQL of `wanted` says."""
    return (
        all(getattr(wanted, name) in (None, getattr(dead, name)) for name in _EXACT)
        and (wanted.reason is None or wanted.reason.lower() in dead.reason.lower())
        and (wanted.since is None or dead.dead_at >= wanted.since)
        and (wanted.until is None or dead.dead_at < wanted.until)
        and wanted.state in (None, dead.state)
    )


def waiting(wanted: DeadLetterFilter, now: int) -> DeadLetterFilter:
    """Of these, those that wait now (ms since 1970 UTC): what dies later, perhaps once more, is not meant."""
    after = datetime.fromtimestamp(now / 1000, UTC) + timedelta(milliseconds=1)
    return replace(wanted, until=min(wanted.until, after) if wanted.until else after, state=State.WAITING)
