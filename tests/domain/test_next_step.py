"""What follows an attempt."""

from datetime import timedelta
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.delivery_status import TERMINAL, Status
from streams.domain.failures import Failure, FailureKind
from streams.domain.next_step import THROTTLED_AT_MOST, Again, DeadLetterKind, Ended, Tried, next_step
from streams.domain.outcomes import DeadLetter, Drop, Outcome, ProviderCall, RetryLater, Sent
from streams.domain.retry_schedule import InLane, RetrySchedule, Tier

NOW = 1_700_000_000_000
HOUR = 3_600_000
CALL = ProviderCall("smtp", NOW - 10, 9.5, "250")
SCHEDULE = RetrySchedule.parse("5s,30s,2m")
FRESH = Tried()


def transient(retry_after: timedelta | None = None) -> RetryLater:
    return RetryLater(Failure(FailureKind.TRANSIENT, "421", retry_after), CALL)


def throttled(retry_after: timedelta | None = None) -> RetryLater:
    return RetryLater(Failure(FailureKind.THROTTLED, "429", retry_after), CALL)


def step(outcome: Outcome, tried: Tried = FRESH, expires_at: int | None = None) -> Ended | Again:
    return next_step(outcome, tried, SCHEDULE, 0.5, NOW, expires_at)


@pytest.mark.parametrize(
    ("outcome", "tried", "ended"),
    [
        (Sent(CALL), FRESH, Ended(Status.SENT, 1)),
        (Sent(CALL, delivered=True), Tried(2, 5), Ended(Status.DELIVERED, 3)),
        (Drop(Status.EXPIRED, "expires_at"), Tried(2, 5), Ended(Status.EXPIRED, 2, "expires_at")),
        (Drop(Status.SUPPRESSED, "everything", "recipient"), FRESH,
         Ended(Status.SUPPRESSED, 0, "everything", "recipient")),
        (DeadLetter(Failure(FailureKind.PERMANENT, "550"), CALL), FRESH,
         Ended(Status.DEAD_LETTERED, 1, "550", dead_letter=DeadLetterKind.PERMANENT)),
        (DeadLetter(Failure(FailureKind.PERMANENT, "no type")), Tried(1, 5),
         Ended(Status.DEAD_LETTERED, 1, "no type", dead_letter=DeadLetterKind.PERMANENT)),
        (transient(), Tried(3, 5), Ended(Status.DEAD_LETTERED, 4, "421", dead_letter=DeadLetterKind.EXHAUSTED)),
    ],
)  # fmt: skip
def test_ends(outcome: Outcome, tried: Tried, ended: Ended) -> None:
    assert step(outcome, tried) == ended


@pytest.mark.parametrize(
    ("tried", "where", "attempt", "first"),
    [
        (FRESH, InLane(timedelta(seconds=2.5)), 1, NOW),
        (Tried(1, 5), Tier(0, timedelta(seconds=30)), 2, 5),
        (Tried(2, 5), Tier(1, timedelta(minutes=2)), 3, 5),
    ],
)
def test_each_transient_failure_burns_an_attempt_and_waits_longer(
    tried: Tried, where: InLane | Tier, attempt: int, first: int
) -> None:
    due = NOW + where.delay // timedelta(milliseconds=1)
    assert step(transient(), tried) == Again(where, due, Tried(attempt, first))


def test_what_the_provider_asked_for_is_honoured() -> None:
    later = step(transient(timedelta(seconds=40)))
    assert isinstance(later, Again)
    assert later.where == Tier(1, timedelta(minutes=2))


@pytest.mark.parametrize("tried", [FRESH, Tried(1, NOW - 5), Tried(3, NOW - 5)])
def test_a_throttled_call_burns_no_attempt_even_the_last_one(tried: Tried) -> None:
    later = step(throttled(), tried)
    assert isinstance(later, Again)
    assert later.tried.attempt == tried.attempt
    assert isinstance(later.where, Tier)


def test_throttled_ends_within_a_day_of_the_first_failure() -> None:
    day_ms = THROTTLED_AT_MOST // timedelta(milliseconds=1)
    assert isinstance(step(throttled(), Tried(0, NOW - day_ms + 30_000)), Again)
    late = step(throttled(), Tried(0, NOW - day_ms + 29_999))
    assert late == Ended(Status.DEAD_LETTERED, 0, "429", dead_letter=DeadLetterKind.EXHAUSTED)


@pytest.mark.parametrize(
    ("tried", "expires_in_ms", "status"),
    [
        (FRESH, 2_501, None),
        (FRESH, 2_500, Status.EXPIRED),
        (Tried(1, 5), 30_000, Status.EXPIRED),
        (Tried(3, 5), 0, Status.EXPIRED),
        (Tried(3, 5), 1, Status.DEAD_LETTERED),
    ],
)
def test_expiry_beats_retry(tried: Tried, expires_in_ms: int, status: Status | None) -> None:
    after = step(transient(), tried, NOW + expires_in_ms)
    assert (after.status if isinstance(after, Ended) else None) == status


def test_what_was_sent_is_sent_however_late() -> None:
    assert step(Sent(CALL), FRESH, NOW - HOUR) == Ended(Status.SENT, 1)


@pytest.mark.parametrize("asked_s", [0, 0.2, 1])
def test_a_throttled_call_is_not_repeated_within_a_second(asked_s: float) -> None:
    later = next_step(throttled(timedelta(seconds=asked_s)), FRESH, SCHEDULE, 0.0, NOW)
    assert isinstance(later, Again)
    assert later.where == InLane(timedelta(seconds=1))


@given(
    kinds=st.lists(st.sampled_from([FailureKind.TRANSIENT, FailureKind.THROTTLED]), min_size=1, max_size=20),
    jitter=st.floats(0, 0.999),
    retry_after_s=st.none() | st.integers(20, 100_000),
)
def test_every_delivery_ends_whatever_its_provider_answers(
    kinds: list[FailureKind], jitter: float, retry_after_s: int | None
) -> None:
    asked = None if retry_after_s is None else timedelta(seconds=retry_after_s)
    tried, now = FRESH, NOW
    for _, kind in zip(range(10_000), cycle(kinds), strict=False):
        after = next_step(RetryLater(Failure(kind, "x", asked), CALL), tried, SCHEDULE, jitter, now)
        if isinstance(after, Ended):
            assert after.status in TERMINAL
            return
        assert after.due_at >= now
        tried, now = after.tried, after.due_at + 1
    raise AssertionError("it never ended")
