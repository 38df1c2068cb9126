"""When a circuit breaker opens, probes and closes."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.breaker import (
    CLOSED,
    HALF_OPEN,
    OPEN,
    Breaker,
    BreakerPolicy,
    Tally,
    is_failure,
    moved_on,
    report,
)
from streams.domain.delivery_status import Status
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import DeadLetter, Drop, Outcome, ProviderCall, RetryLater, Sent

POLICY = BreakerPolicy()
NOW = 1_764_000_000_000
CALL = ProviderCall("smtp", NOW, 1.0)
TRANSIENT, THROTTLED, PERMANENT = FailureKind.TRANSIENT, FailureKind.THROTTLED, FailureKind.PERMANENT


@pytest.mark.parametrize(
    ("outcome", "speaks_against_it"),
    [
        (Sent(CALL), False),
        (RetryLater(Failure(TRANSIENT, "503"), CALL), True),
        (RetryLater(Failure(TRANSIENT, "no answer", ambiguous=True), CALL), True),
        (RetryLater(Failure(THROTTLED, "429"), CALL), False),
        (DeadLetter(Failure(PERMANENT, "550"), CALL), False),
        (DeadLetter(Failure(PERMANENT, "lost", ambiguous=True), CALL), True),
        (Drop(Status.EXPIRED, "expires_at"), False),
    ],
)
def test_transient_and_ambiguous_failures_speak_against_a_provider(outcome: Outcome, speaks_against_it: bool) -> None:
    assert is_failure(outcome) is speaks_against_it


@pytest.mark.parametrize(
    ("tally", "opens"),
    [
        (Tally(calls=19, failed=19), False),  # too few to judge
        (Tally(calls=20, failed=9), False),
        (Tally(calls=20, failed=10), True),
        (Tally(calls=20, slow=15), False),
        (Tally(calls=20, slow=16), True),
        (Tally(calls=1000, failed=499, slow=799), False),
        (Tally(), False),
    ],
)
def test_it_opens_on_the_share_of_failed_or_slow_calls_once_there_were_enough(tally: Tally, opens: bool) -> None:
    breaker, granted = report(Breaker(), POLICY, tally, 3, NOW)
    assert breaker.state is (OPEN if opens else CLOSED)
    assert granted == 0


def after(steps: Sequence[tuple[int, Tally]]) -> Breaker:
    """Steps of so many ms later, and what is told then."""
    breaker, now = Breaker(), NOW
    for passed, tally in steps:
        now += passed
        breaker, _ = report(breaker, POLICY, tally, 0, now)
    return breaker


@pytest.mark.parametrize(
    ("tallies", "opens"),
    [
        ([Tally(1_000, well=1_000), Tally(19, 19, in_a_row=19)], False),
        ([Tally(1_000, well=1_000), Tally(20, 20, in_a_row=20)], True),
        ([Tally(1_000, well=1_000), Tally(10, 10, in_a_row=10), Tally(10, 10, in_a_row=10)], True),
        ([Tally(1_000, well=1_000), Tally(20, 0, 20, in_a_row=20)], True),  # slow ones
        ([Tally(1_000, well=1_000), Tally(19, 19, in_a_row=19), Tally(2, 1, well=1, in_a_row=1)], False),
        ([Tally(1_000, well=1_000), Tally(19, 19, in_a_row=19), Tally(1, well=1), Tally(19, 19, in_a_row=19)], False),
        ([Tally(1_000, well=1_000), Tally(64, 64, in_a_row=1)], False),  # 64 that were under way when one failed
        ([Tally(1_000, 400, well=600, in_a_row=19)], False),
    ],
)
def test_it_opens_on_failures_in_a_row_whatever_went_well_before(tallies: Sequence[Tally], opens: bool) -> None:
    assert after([(0, each) for each in tallies]).state is (OPEN if opens else CLOSED)


def test_failures_in_a_row_count_however_long_they_take_to_come() -> None:
    seldom = [(600_000, Tally(1, 1, in_a_row=1))] * 20
    assert after(seldom[:-1]).state is CLOSED
    assert after(seldom).state is OPEN


def test_a_breaker_need_not_mind_failures_in_a_row() -> None:
    policy = BreakerPolicy(in_a_row=0, min_calls=10_000)
    breaker, _ = report(Breaker(), policy, Tally(9_000, 9_000, in_a_row=9_000), 0, NOW)
    assert breaker.state is CLOSED


def test_a_breaker_that_closes_again_begins_a_new_row() -> None:
    breaker = Breaker(HALF_OPEN, NOW, 5, 1, 3, 2, in_a_row=0)
    breaker, _ = report(breaker, POLICY, Tally(turn=5, probes_passed=1, in_a_row=19), 0, NOW)
    assert (breaker.state, breaker.in_a_row) == (CLOSED, 0)


def test_failures_of_several_reports_add_up_within_the_window_and_are_forgotten_after_it() -> None:
    ten = Tally(calls=10, failed=10)
    assert after([(0, ten), (20_000, ten)]).state is OPEN
    assert after([(0, ten), (31_000, ten)]).state is CLOSED
    assert after([(0, Tally(calls=100)), (31_000, Tally(calls=20, failed=10))]).state is OPEN


def opened(failed_turns: int = 0) -> Breaker:
    return Breaker(OPEN, NOW, 4, failed_turns)


@pytest.mark.parametrize(("failed_turns", "seconds"), [(0, 5), (1, 10), (2, 20), (3, 30), (60, 30)])
def test_it_stays_open_longer_each_time_the_probes_fail(failed_turns: int, seconds: int) -> None:
    breaker = opened(failed_turns)
    assert moved_on(breaker, POLICY, NOW + seconds * 1000 - 1) == breaker
    assert moved_on(breaker, POLICY, NOW + seconds * 1000) == Breaker(HALF_OPEN, NOW + seconds * 1000, 5, failed_turns)


def test_half_open_it_gives_out_only_so_many_probes_to_all_processes() -> None:
    at = NOW + 5_000
    breaker, first = report(opened(), POLICY, Tally(), 2, at)
    breaker, second = report(breaker, POLICY, Tally(), 9, at + 1)
    breaker, third = report(breaker, POLICY, Tally(), 9, at + 2)
    assert (first, second, third) == (2, 1, 0)
    assert breaker.state is HALF_OPEN


def half_open(given: int = 3, passed: int = 0) -> Breaker:
    return Breaker(HALF_OPEN, NOW, 5, 1, given, passed)


@pytest.mark.parametrize(
    ("tally", "state"),
    [
        (Tally(turn=5, probes_passed=2), HALF_OPEN),
        (Tally(turn=5, probes_passed=3), CLOSED),
        (Tally(turn=5, probes_passed=2, probes_failed=1), OPEN),
        (Tally(turn=4, probes_passed=3), HALF_OPEN),  # of an earlier turn
        (Tally(turn=4, probes_failed=1), HALF_OPEN),
        (Tally(calls=50, failed=50, turn=5), HALF_OPEN),  # calls from before it opened
    ],
)
def test_probes_decide_whether_it_closes_and_nothing_else_does(tally: Tally, state: int) -> None:
    breaker, _ = report(half_open(), POLICY, tally, 0, NOW + 10)
    assert breaker.state is state
    if state is OPEN:
        assert breaker.failed_turns == 2
    if state is CLOSED:
        assert breaker == Breaker(CLOSED, NOW + 10, 5)


def test_while_open_nothing_that_is_told_changes_it() -> None:
    assert report(opened(), POLICY, Tally(100, 100, 100, 4, 3, 1), 3, NOW + 1) == (opened(), 0)


def test_probes_that_never_answered_are_given_out_again_and_their_late_answers_do_not_count() -> None:
    later, granted = report(half_open(), POLICY, Tally(), 3, NOW + 30_000)
    assert (later.turn, granted) == (6, 3)
    assert report(later, POLICY, Tally(turn=5, probes_failed=1), 0, NOW + 30_001)[0] == later


def test_a_half_open_breaker_that_owes_no_answer_waits_for_traffic_as_long_as_it_takes() -> None:
    quiet = half_open(given=2, passed=2)
    breaker, granted = report(quiet, POLICY, Tally(), 1, NOW + 3_600_000)
    assert (breaker.turn, breaker.passed, granted) == (5, 2, 1)
    assert report(breaker, POLICY, Tally(turn=5, probes_passed=1), 0, NOW + 3_600_050)[0].state is CLOSED


def test_a_clock_that_was_set_back_loses_no_count() -> None:
    breaker = after([(0, Tally(10, 10)), (-60_000, Tally(10, 10))])
    assert breaker.state is OPEN


_TALLIES = st.builds(
    Tally,
    calls=st.integers(0, 30),
    failed=st.integers(0, 30),
    slow=st.integers(0, 5),
    turn=st.integers(0, 4),
    probes_passed=st.integers(0, 3),
    probes_failed=st.integers(0, 1),
    well=st.integers(0, 1),
    in_a_row=st.integers(0, 12),
)


@given(st.lists(st.tuples(st.integers(0, 20_000), _TALLIES, st.integers(0, 4)), max_size=80))
def test_in_any_course_probes_are_bounded_and_only_legal_steps_are_taken(
    steps: list[tuple[int, Tally, int]],
) -> None:
    breaker, now, given_in_turn = Breaker(), NOW, dict[int, int]()
    legal = {(CLOSED, OPEN), (OPEN, HALF_OPEN), (HALF_OPEN, OPEN), (HALF_OPEN, CLOSED)}
    for passed, tally, wanted in steps:
        now += passed
        between = moved_on(breaker, POLICY, now)
        after_it, granted = report(breaker, POLICY, tally, wanted, now)
        for before, then in ((breaker, between), (between, after_it)):
            assert before.state is then.state or (before.state, then.state) in legal
        breaker = after_it
        given_in_turn[breaker.turn] = given_in_turn.get(breaker.turn, 0) + granted
        assert len(breaker.slices) <= 6
    assert max(given_in_turn.values(), default=0) <= POLICY.probes


def test_a_window_that_is_too_short_to_slice_is_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        BreakerPolicy(window=timedelta(milliseconds=5))
