"""When those who wait for a rate limit ask again."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.turns import Line, Turns
from streams.domain.rate_limit import Bucket, RateLimit

ACME = Bucket("tenant/acme", RateLimit.parse("10/s"))
LOW, HIGH = 2, 0


def test_turns_are_a_token_apart_and_not_before_the_first_token() -> None:
    turns = Turns()
    given_turns = [turns.give(ACME, LOW, Line.COME, 100.0, 0.05) for _ in range(4)]
    assert given_turns == pytest.approx([0.05, 0.15, 0.25, 0.35])
    assert turns.give(ACME, LOW, Line.COME, 200.0, 0.05) == pytest.approx(0.05)


def test_there_is_a_line_until_the_last_turn_has_come() -> None:
    turns = Turns()
    assert not turns.is_line(ACME, LOW, 100.0)
    turns.give(ACME, LOW, Line.COME, 100.0, 0.3)
    assert turns.is_line(ACME, LOW, 100.29)
    assert not turns.is_line(ACME, LOW, 100.31)


def test_buckets_priorities_and_those_who_asked_too_early_have_lines_of_their_own() -> None:
    turns = Turns()
    for _ in range(50):
        turns.give(ACME, LOW, Line.COME, 100.0)
    assert turns.give(ACME, LOW, Line.AGAIN, 100.0, 0.1) == pytest.approx(0.1)
    assert not turns.is_line(ACME, HIGH, 100.0)
    assert not turns.is_line(Bucket("tenant/other", ACME.limit), LOW, 100.0)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1)), min_size=1, max_size=60))
def test_in_any_course_no_two_turns_of_a_line_are_closer_than_a_token(steps: list[tuple[float, float]]) -> None:
    turns, now, at = Turns(), 100.0, list[float]()
    for passed, at_least in steps:
        now += passed
        wait = turns.give(ACME, LOW, Line.COME, now, at_least)
        assert wait >= at_least - 1e-9
        at.append(now + wait)
    assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(at))


def test_lines_that_are_over_are_forgotten() -> None:
    turns = Turns()
    for number in range(10_002):
        turns.give(Bucket(f"recipient/{number}", ACME.limit), LOW, Line.COME, float(number))
    assert len(turns._last) < 10
