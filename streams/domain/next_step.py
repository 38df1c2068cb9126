"""What follows an attempt: the delivery has ended, or it is tried again. Executed by connectors/delivery/settle.py."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from streams.domain.delivery_status import Status
from streams.domain.failures import FailureKind
from streams.domain.outcomes import DeadLetter, Drop, Outcome, RetryLater, Sent
from streams.domain.retry_schedule import InLane, RetrySchedule, Tier

THROTTLED_AT_LEAST = timedelta(seconds=1)
THROTTLED_AT_MOST = timedelta(hours=24)
_MS = timedelta(milliseconds=1)


class DeadLetterKind(StrEnum):
    """Why a record is in dead-letters."""

    POISON = "poison"  # it cannot be read
    PERMANENT = "permanent"  # no retry helps
    EXHAUSTED = "exhausted"  # every attempt of the schedule failed
    AMBIGUOUS = "ambiguous"  # an earlier call may have reached the provider, and the type says hold


@dataclass(frozen=True, slots=True)
class Tried:
    """What happened to a delivery so far: attempts that count, and when the first one failed (ms since 1970 UTC)."""

    attempt: int = 0
    first_failed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The delivery is in a terminal status. `dead_letter`: it also goes to dead-letters, as this kind."""

    status: Status
    attempt: int
    reason: str | None = None
    layer: str | None = None
    dead_letter: DeadLetterKind | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """It waits in its lane or in a retry topic until `due_at` (ms since 1970 UTC)."""

    where: InLane | Tier
    due_at: int
    tried: Tried


def next_step(
    outcome: Outcome, tried: Tried, schedule: RetrySchedule, jitter: float, now: int, expires_at: int | None = None
) -> Ended | Again:
    """What follows `outcome`. `jitter` in [0, 1); `now` and `expires_at` in ms since 1970 UTC.

    Expiry beats retry: what would be due only after `expires_at` has expired now. An exhausted schedule: dead letter.
    """
    match outcome:
        case Sent():
            return Ended(Status.DELIVERED if outcome.delivered else Status.SENT, tried.attempt + 1)
        case Drop():
            return Ended(outcome.status, tried.attempt, outcome.reason, outcome.layer)
        case DeadLetter():
            attempt = tried.attempt + (outcome.call is not None)
            reason = outcome.failure.reason
            return Ended(Status.DEAD_LETTERED, attempt, reason, dead_letter=DeadLetterKind.PERMANENT)
        case RetryLater():
            again = _again(outcome, tried, schedule, jitter, now)
            if expires_at is not None and expires_at <= (now if isinstance(again, Ended) else again.due_at):
                attempt = again.attempt if isinstance(again, Ended) else again.tried.attempt
                return Ended(Status.EXPIRED, attempt, "expires_at")
            return again


def _again(outcome: RetryLater, tried: Tried, schedule: RetrySchedule, jitter: float, now: int) -> Ended | Again:
    """A throttled call costs no attempt, and without word from the provider leaves the lane for the first tier.

    Its next attempt starts THROTTLED_AT_LEAST later, and at the latest THROTTLED_AT_MOST after the first failure.
    """
    throttled = outcome.failure.kind is FailureKind.THROTTLED
    attempt = tried.attempt + (not throttled)
    first = now if tried.first_failed_at is None else tried.first_failed_at
    at_least, failed = outcome.not_before, max(attempt, 1)
    if throttled:
        at_least = schedule.tiers[0] if at_least is None else max(at_least, THROTTLED_AT_LEAST)
        failed = min(failed, len(schedule.tiers) + 1)
    where = schedule.after(failed, jitter, at_least)
    if where is None or (throttled and now + where.delay // _MS - first > THROTTLED_AT_MOST // _MS):
        reason = outcome.failure.reason
        return Ended(Status.DEAD_LETTERED, attempt, reason, dead_letter=DeadLetterKind.EXHAUSTED)
    return Again(where, now + where.delay // _MS, Tried(attempt, first))
