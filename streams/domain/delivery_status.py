"""Where a delivery stands, which moves are legal, and how late news are told from new ones.

accepted ─► queued ─► sending ─► sent ─► delivered | bounced
   │          │          └─► retrying ─► sending
   ├─► held ──┤
   └─► suppressed | expired | canceled (also from held, queued, sending, retrying)
              sending, retrying ─► dead_lettered | unknown;  dead_lettered ─► queued only by a redrive
"""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    ACCEPTED = "accepted"
    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    RETRYING = "retrying"
    SUPPRESSED = "suppressed"
    DIGESTED = "digested"
    EXPIRED = "expired"
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    DEAD_LETTERED = "dead_lettered"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"


_STOPS = frozenset({Status.SUPPRESSED, Status.EXPIRED, Status.CANCELED})
_TRIED = _STOPS | {Status.SENT, Status.DELIVERED, Status.DEAD_LETTERED, Status.UNKNOWN}

TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.ACCEPTED: _STOPS | {Status.QUEUED, Status.HELD},
    Status.HELD: _STOPS | {Status.QUEUED, Status.DIGESTED},
    Status.QUEUED: _TRIED | {Status.SENDING, Status.RETRYING},
    Status.SENDING: _TRIED | {Status.RETRYING},
    Status.RETRYING: _TRIED | {Status.SENDING},
    Status.SENT: frozenset({Status.DELIVERED, Status.BOUNCED}),
    Status.DELIVERED: frozenset(),
    Status.BOUNCED: frozenset(),
    Status.SUPPRESSED: frozenset(),
    Status.DIGESTED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.CANCELED: frozenset(),
    Status.UNKNOWN: frozenset({Status.SENT, Status.DELIVERED, Status.DEAD_LETTERED}),
    Status.DEAD_LETTERED: frozenset({Status.QUEUED}),
}

TERMINAL = frozenset(Status) - {Status.ACCEPTED, Status.HELD, Status.QUEUED, Status.SENDING, Status.RETRYING}

# How an ended notification is summed up: the first of these that one of its deliveries came to.
_BEST_END = (
    Status.DELIVERED,
    Status.SENT,
    Status.BOUNCED,
    Status.UNKNOWN,
    Status.DEAD_LETTERED,
    Status.EXPIRED,
    Status.CANCELED,
    Status.DIGESTED,
    Status.SUPPRESSED,
)

_RANK = {status: rank for rank, status in enumerate(Status)}
_PER_ATTEMPT = 100
_ENDED = 10_000_000
_PER_REDRIVE = 100_000_000


def progress(status: Status, attempt: int = 0, redrives: int = 0) -> int:
    """A number that rises along the way of one delivery; a writer keeps the record with the higher one.

    Redrives count most, then whether it has ended, then attempts, then the rank of the status (the order above: of two
    ends the one that reached the person wins, so what was sent is never shown as failed). `attempt` counts calls that
    have ended; up to 99,999 attempts a redrive.
    """
    if status in TERMINAL:
        return redrives * _PER_REDRIVE + _ENDED + _RANK[status]
    return redrives * _PER_REDRIVE + min(attempt, _ENDED // _PER_ATTEMPT - 1) * _PER_ATTEMPT + _RANK[status]


def may_follow(now: Status, then: Status) -> bool:
    """Whether a delivery may move from one status to the other."""
    return then in TRANSITIONS[now]


def overall(deliveries: Iterable[Status]) -> Status:
    """One word for a notification: while a delivery is under way, where the one furthest behind stands; at the end,
    the best end that one of them came to. No delivery yet: accepted."""
    found = set(deliveries)
    if not found:
        return Status.ACCEPTED
    under_way = found - TERMINAL
    return min(under_way, key=_RANK.__getitem__) if under_way else min(found, key=_BEST_END.index)
