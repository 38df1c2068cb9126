"""How far a partition may be committed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.tracker import Tracker


def test_only_the_lowest_unfinished_offset_may_be_committed() -> None:
    tracker = Tracker(10)
    assert all(tracker.take(offset) for offset in (10, 11, 14))
    tracker.complete(14)
    tracker.complete(11)
    assert (tracker.base, tracker.unfinished, tracker.span) == (10, 1, 5)
    tracker.complete(10)
    assert (tracker.base, tracker.unfinished, tracker.span) == (15, 0, 0)


def test_an_offset_that_was_taken_before_is_not_new() -> None:
    tracker = Tracker(10)
    assert tracker.take(12)
    assert not tracker.take(12)
    assert not tracker.take(11)


@pytest.mark.parametrize("completed", [[9], [10, 10], [11, 11], [13]])
def test_completing_twice_or_what_was_never_taken_is_a_broken_invariant(completed: list[int]) -> None:
    tracker = Tracker(10)
    for offset in (10, 11, 12):
        tracker.take(offset)
    for offset in completed[:-1]:
        tracker.complete(offset)
    with pytest.raises(AssertionError, match="completed twice or never taken"):
        tracker.complete(completed[-1])


@given(st.lists(st.integers(1, 3), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_in_whatever_order_records_finish_the_base_is_the_first_unfinished(gaps: list[int], rng: random.Random) -> None:
    offsets = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    tracker, left = Tracker(offsets[0]), set(offsets)
    for offset in offsets:
        tracker.take(offset)
    for offset in rng.sample(offsets, len(offsets)):
        assert tracker.holds(offset)
        tracker.complete(offset)
        left.discard(offset)
        assert not tracker.holds(offset)
        assert tracker.base == (min(left) if left else offsets[-1] + 1)
        assert tracker.unfinished == len(left)
