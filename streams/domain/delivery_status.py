"""Where a delivery stands, which moves are legal, and how late news are told from new ones.

accepted ─► queued ─► sending ─► sent ─► delivered | bounced
   │          │          └─► retrying ─► sending
   ├─► held ──┤
   └─► suppressed | expired | canceled (also from held, queued, sending, retrying)
              sending, retrying ─► dead_lettered | unknown;  dead_lettered ─► queued only by a redrive
"""

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
