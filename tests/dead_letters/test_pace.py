"""How fast a bulk redrive goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dead_letters.pace import FASTEST, SLOWEST, Pace


@pytest.mark.parametrize(("rate", "batch"), [(1, 1), (10, 1), (100, 10), (2_000, 200)])
def test_batches_are_a_tenth_of_a_second(rate: int, batch: int) -> None:
    assert Pace(rate).batch == batch


@given(
    rate=st.integers(SLOWEST, FASTEST),
    pauses=st.lists(st.floats(0, 5), min_size=2, max_size=50),
)
def test_between_any_two_moments_no_more_go_than_the_rate_and_one_batch(rate: int, pauses: list[float]) -> None:
    pace, now, went = Pace(rate), 0.0, []
    for pause in pauses:  # what everything else takes
        now += max(pause / 100, pace.wait(now))
        went.append((now, pace.batch))
        pace.went(pace.batch, now)
    for first in range(len(went)):
        for last in range(first, len(went)):
            count = sum(number for _, number in went[first : last + 1])
            assert count <= (went[last][0] - went[first][0]) * rate + pace.batch + 1e-6


def test_a_pause_is_not_made_up_for() -> None:
    pace = Pace(100)
    pace.went(10, 0.0)
    assert pace.wait(0.0) == pytest.approx(0.1)
    pace.went(10, 60.0)
    assert pace.wait(60.0) == pytest.approx(0.1)


def test_when_nothing_went_nobody_waits() -> None:
    pace = Pace(1)
    pace.went(0, 5.0)
    assert pace.wait(5.0) == 0
