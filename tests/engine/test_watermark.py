"""The commit position: never past the first unfinished batch, whatever finishes when."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from streams.engine.watermark import Span, Watermark


class Assignments(RuleBasedStateMachine):
    """Batches are fetched, finish in any order, and an assignment is lost and gained now and then."""

    spans = Bundle("spans")

    def __init__(self) -> None:
        super().__init__()
        self.end = 0
        self.assign()

    def assign(self) -> None:
        self.mark = Watermark()
        self.fetched: list[Span] = []

    @rule(target=spans, size=st.integers(1, 5), hole=st.integers(0, 3))
    def fetch(self, size: int, hole: int) -> tuple[Watermark, Span]:
        self.end += size + hole
        span = self.mark.open(self.end, size)
        self.fetched.append(span)
        return self.mark, span

    @rule(handed=consumes(spans))
    def finish(self, handed: tuple[Watermark, Span]) -> None:
        mark, span = handed  # the mark may belong to an assignment that is gone
        mark.finish(span)

    @rule(handed=spans)
    def finish_twice(self, handed: tuple[Watermark, Span]) -> None:
        mark, span = handed
        mark.finish(span)
        mark.finish(span)

    @rule()
    def rebalance(self) -> None:
        """Gained again, reading goes on at what was committed."""
        self.end = self.mark.position or 0
        self.assign()

    @invariant()
    def the_position_is_the_end_of_the_finished_prefix(self) -> None:
        expected = None
        for span in self.fetched:
            if not span.finished:
                break
            expected = span.end
        assert self.mark.position == expected

    @invariant()
    def what_is_in_flight_is_what_is_not_finished(self) -> None:
        assert self.mark.records == sum(span.size for span in self.fetched if not span.finished)


TestAssignments = Assignments.TestCase
TestAssignments.settings = settings(max_examples=100, stateful_step_count=40)


def test_a_batch_that_finishes_first_waits_for_the_one_before() -> None:
    mark = Watermark()
    first, second = mark.open(10, 10), mark.open(25, 15)
    mark.finish(second)
    assert mark.position is None
    mark.finish(first)
    assert mark.position == 25


@pytest.mark.parametrize("end", [9, 10])
def test_a_batch_cannot_end_before_the_one_it_follows(end: int) -> None:
    mark = Watermark()
    mark.finish(mark.open(10, 10))
    with pytest.raises(ValueError, match="cannot follow"):
        mark.open(end, 1)


def test_what_no_agent_has_taken_is_queued_and_each_taking_is_told() -> None:
    told: list[int] = []
    mark = Watermark(lambda: told.append(mark.queued))
    first, second, third = mark.open(5, 5), mark.open(7, 2), mark.open(8, 1)
    assert mark.queued == 8
    mark.begin(second)
    mark.begin(second)
    mark.finish(third)  # it cannot be waiting for anybody any more
    mark.begin(first)
    assert told == [6, 5, 0]
    assert (mark.queued, mark.records) == (0, 7)
