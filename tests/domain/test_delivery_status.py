"""Where a delivery stands: legal moves, and how late news are told from new ones."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.delivery_status import TERMINAL, TRANSITIONS, Status, may_follow, progress

ATTEMPTS = st.integers(0, 99_998)
REDRIVES = st.integers(0, 50)
ON_THE_WAY = frozenset(Status) - TERMINAL


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize(
    "way",
    [
        (Status.ACCEPTED, Status.QUEUED, Status.SENDING, Status.SENT, Status.DELIVERED),
        (Status.QUEUED, Status.SENDING, Status.RETRYING, Status.SENDING, Status.SENT, Status.BOUNCED),
        (Status.QUEUED, Status.RETRYING, Status.DEAD_LETTERED, Status.QUEUED, Status.SENT),
        (Status.QUEUED, Status.SUPPRESSED),
        (Status.RETRYING, Status.EXPIRED),
        (Status.SENDING, Status.UNKNOWN, Status.SENT),
        (Status.ACCEPTED, Status.HELD, Status.QUEUED, Status.DELIVERED),
    ],
)
def test_ways_of_a_delivery(way: tuple[Status, ...]) -> None:
    assert all(may_follow(now, then) for now, then in pairwise(way))


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (Status.SENT, Status.RETRYING),
        (Status.SENT, Status.DEAD_LETTERED),
        (Status.SUPPRESSED, Status.SENT),
        (Status.EXPIRED, Status.QUEUED),
        (Status.DELIVERED, Status.SENT),
        (Status.DEAD_LETTERED, Status.SENT),
        (Status.ACCEPTED, Status.SENT),
    ],
)
def test_moves_that_are_not_legal(now: Status, then: Status) -> None:
    assert not may_follow(now, then)


@given(st.sampled_from(sorted(ON_THE_WAY)), st.sampled_from(sorted(TERMINAL)), ATTEMPTS, ATTEMPTS, REDRIVES)
def test_an_end_counts_more_than_anything_on_the_way(
    on_the_way: Status, end: Status, a: int, b: int, redrives: int
) -> None:
    assert progress(on_the_way, a, redrives) < progress(end, b, redrives)


@given(st.sampled_from(sorted(Status)), st.sampled_from(sorted(Status)), ATTEMPTS, ATTEMPTS, REDRIVES)
def test_a_redrive_counts_more_than_anything_before_it(a: Status, b: Status, x: int, y: int, redrives: int) -> None:
    assert progress(a, x, redrives) < progress(b, y, redrives + 1)


@given(ATTEMPTS)
def test_attempts_rise(attempt: int) -> None:
    assert progress(Status.RETRYING, attempt) < progress(Status.RETRYING, attempt + 1)


def test_of_two_ends_the_one_that_reached_the_person_wins() -> None:
    assert progress(Status.DEAD_LETTERED, 9) < progress(Status.SENT, 1)
    assert progress(Status.SUPPRESSED) < progress(Status.SENT) < progress(Status.DELIVERED)
