"""One provider behind its breaker, as one process knows it: which failures count as in a row."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.guarded import Guarded
from connectors.delivery.meter import Meter
from connectors.memory.provider import ProviderInMemory, permanent, transient
from streams.domain.breaker import Breaker, BreakerPolicy
from streams.domain.outcomes import Outcome, ProviderCall, Sent
from streams.domain.ports import Told
from tests.delivery.builders import policy

WELL: Outcome = Sent(ProviderCall("smtp", 0, 1.0))
FAILED, REFUSED = transient(), permanent()
ROW = BreakerPolicy().in_a_row


class Calls:
    """Calls at a provider, each a millisecond after the one before; told nobody."""

    def __init__(self, breaker: BreakerPolicy | None = None) -> None:
        self.now = 1_000.0
        self.guarded = Guarded(ProviderInMemory(), breaker or BreakerPolicy(), Meter(policy()), lambda: self.now)

    def begin(self) -> object:
        self.now += 0.001
        call = object()
        self.guarded.begin(call, self.now)
        return call

    def end(self, call: object, outcome: Outcome) -> None:
        self.now += 0.001
        self.guarded.ended(call, outcome, self.now)

    def one_by_one(self, count: int, outcome: Outcome) -> int:
        """How many were made until it opened."""
        for made in range(count):
            if not self.guarded.closed:
                return made
            self.end(self.begin(), outcome)
        return count

    def at_once(self, count: int, outcome: Outcome) -> None:
        for call in [self.begin() for _ in range(count)]:
            self.end(call, outcome)


def test_after_a_thousand_good_calls_an_outage_is_found_out_by_twenty() -> None:
    calls = Calls()
    calls.one_by_one(1_000, WELL)
    assert calls.one_by_one(1_000, FAILED) == ROW == 20


def test_calls_that_were_under_way_when_the_first_one_failed_are_one_event() -> None:
    calls = Calls()
    calls.one_by_one(1_000, WELL)
    calls.at_once(64, FAILED)
    assert calls.guarded.closed
    assert calls.one_by_one(1_000, FAILED) == ROW - 1


@pytest.mark.parametrize("answer", [WELL, REFUSED], ids=["well", "refused for good"])
def test_an_answer_of_a_provider_that_works_ends_the_row(answer: Outcome) -> None:
    calls = Calls()
    calls.one_by_one(1_000, WELL)
    for _ in range(10):
        calls.one_by_one(ROW - 1, FAILED)
        calls.end(calls.begin(), answer)
    assert calls.guarded.closed


@pytest.mark.parametrize("slots", [2, 16, 64])
def test_many_slots_at_once_find_out_an_outage_as_well(slots: int) -> None:
    calls = Calls()
    calls.at_once(1_000, WELL)
    under_way, failed = [calls.begin() for _ in range(slots)], 0
    while calls.guarded.closed:
        calls.end(under_way.pop(0), FAILED)
        under_way.append(calls.begin())
        failed += 1
    assert failed <= slots + ROW


def test_what_was_told_already_is_told_once_and_its_row_goes_on() -> None:
    calls = Calls()
    calls.one_by_one(5, FAILED)
    first, _ = calls.guarded.take_tally()
    calls.one_by_one(5, FAILED)
    second, _ = calls.guarded.take_tally()
    assert (first.in_a_row, first.well, second.in_a_row, second.well) == (5, 0, 5, 0)
    calls.guarded.learn(Told(Breaker(in_a_row=10), 0, 0))
    assert calls.one_by_one(1_000, FAILED) == ROW - 10


@given(st.lists(st.booleans(), max_size=200))
def test_it_never_opens_without_so_many_in_a_row_or_a_bad_share(course: list[bool]) -> None:
    calls = Calls(BreakerPolicy(min_calls=1_000, in_a_row=5))
    row = longest = 0
    for failed in course:
        calls.end(calls.begin(), FAILED if failed else WELL)
        row = row + 1 if failed else 0
        longest = max(longest, row)
        if not calls.guarded.closed:
            break
    assert calls.guarded.closed == (longest < 5)
