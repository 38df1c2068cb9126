"""The circuit breaker of one provider. Pure: time is an argument (ms). connectors/redis has the same rules as a script.

        too many failures or slow calls within the window, or so many in a row
closed ──────────────────────────────────────────────────────────────► open
   ▲                                                            │    ▲
   │ all probes of a turn passed                   `open_for` over │    │ one probe failed: open twice as long
   └────────────────────────────── half-open ◄──────────────────┘    │
                                      └──────────────────────────────┘
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import IntEnum
from typing import NamedTuple

from streams.domain.failures import FailureKind
from streams.domain.outcomes import Outcome

_MS = timedelta(milliseconds=1)
SLICES = 6  # the window moves on by a slice of its length


class BreakerState(IntEnum):
    """As it is shown in metrics."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


CLOSED, HALF_OPEN, OPEN = BreakerState


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When it opens and closes.

    window, min_calls   only what happened within `window` counts, and only once there were `min_calls`
    failing_percent     opens when at least so many of the calls failed
    slow_percent, slow_after   or when so many of them took `slow_after` or longer
    in_a_row            or when so many calls in a row failed or were slow, whatever went well before: an outage after
                        a thousand good calls is not found out by its share. Those that were under way when the first
                        of them failed are not counted: what breaks all connections at once is one event. 0: never
    open_for            how long it stays open at first; doubled each time a probe fails, up to `open_at_most`
    probes              calls a half-open breaker lets through, over all processes; it closes when all have passed
    probe_within        after so long without an answer probes are given out again: their process may be gone
    """

    window: timedelta = timedelta(seconds=30)
    min_calls: int = 20
    failing_percent: int = 50
    slow_percent: int = 80
    slow_after: timedelta = timedelta(seconds=10)
    in_a_row: int = 20
    open_for: timedelta = timedelta(seconds=5)
    open_at_most: timedelta = timedelta(seconds=30)
    probes: int = 3
    probe_within: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        """Raises ValueError when the window is too short to be cut into slices."""
        if self.slice_ms < 1:
            raise ValueError(f"a window of {self.window} is too short: at least {SLICES} ms")

    @property
    def slice_ms(self) -> int:
        return self.window // _MS // SLICES

    def open_ms(self, failed_turns: int) -> int:
        """How long it stays open after so many turns of probes that failed in a row."""
        return min((self.open_for // _MS) << min(failed_turns, 16), self.open_at_most // _MS)


class Slice(NamedTuple):
    """Calls that ended in one slice of time. A call can be both failed and slow."""

    number: int
    calls: int
    failed: int
    slow: int


class Tally(NamedTuple):
    """Calls of one process since it last told. Probes are those of turn `turn`, and in no other count.

    `well`: calls that neither failed nor were slow; `in_a_row`: of those that did, how many since the last of `well`.
    """

    calls: int = 0
    failed: int = 0
    slow: int = 0
    turn: int = 0
    probes_passed: int = 0
    probes_failed: int = 0
    well: int = 0
    in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class Breaker:
    """What all processes share. `turn` names a round of probes: what an earlier one tells late does not count.

    `since`: when it came into this state, or gave its last probe. `in_a_row`: calls that failed or were slow since one
    went well, as the processes told them one after the other.
    """

    state: BreakerState = CLOSED
    since: int = 0
    turn: int = 0
    failed_turns: int = 0
    given: int = 0
    passed: int = 0
    slices: tuple[Slice, ...] = ()
    in_a_row: int = 0

    @property
    def calls(self) -> int:
        return sum(each.calls for each in self.slices)

    @property
    def failed(self) -> int:
        return sum(each.failed for each in self.slices)


def is_failure(outcome: Outcome) -> bool:
    """Whether a call speaks against its provider: transient or ambiguous.

    A throttled call and an address that is refused for good are answers of a provider that works.
    """
    failure = outcome.failure
    return failure is not None and (failure.kind is FailureKind.TRANSIENT or failure.ambiguous)


def report(breaker: Breaker, policy: BreakerPolicy, tally: Tally, wanted: int, now: int) -> tuple[Breaker, int]:
    """The breaker after one process told `tally` at `now`, and how many of the `wanted` probes it may make."""
    breaker = _counted(moved_on(breaker, policy, now), policy, tally, now)
    if breaker.state is not HALF_OPEN:
        return breaker, 0
    granted = max(0, min(wanted, policy.probes - breaker.given))
    return (replace(breaker, since=now, given=breaker.given + granted) if granted else breaker), granted


def moved_on(breaker: Breaker, policy: BreakerPolicy, now: int) -> Breaker:
    """What time alone has changed: open long enough, or probes that never answered."""
    waited = now - breaker.since
    unanswered = breaker.state is HALF_OPEN and breaker.given > breaker.passed
    over = (breaker.state is OPEN and waited >= policy.open_ms(breaker.failed_turns)) or (
        unanswered and waited >= policy.probe_within // _MS
    )
    return Breaker(HALF_OPEN, now, breaker.turn + 1, breaker.failed_turns) if over else breaker


def _counted(breaker: Breaker, policy: BreakerPolicy, tally: Tally, now: int) -> Breaker:
    if breaker.state is CLOSED:
        slices = _added(breaker.slices, policy, tally, now)
        row = tally.in_a_row + (0 if tally.well else breaker.in_a_row)
        if _trips(slices, policy) or row >= policy.in_a_row > 0:
            return Breaker(OPEN, now, breaker.turn)
        return replace(breaker, slices=slices, in_a_row=row)
    if breaker.state is OPEN or tally.turn != breaker.turn:
        return breaker
    if tally.probes_failed:
        return Breaker(OPEN, now, breaker.turn, breaker.failed_turns + 1)
    passed = breaker.passed + tally.probes_passed
    return Breaker(CLOSED, now, breaker.turn) if passed >= policy.probes else replace(breaker, passed=passed)


def _added(slices: tuple[Slice, ...], policy: BreakerPolicy, tally: Tally, now: int) -> tuple[Slice, ...]:
    """Slices rise; the oldest go. A clock that was set back adds to the newest."""
    number = now // policy.slice_ms
    kept = tuple(each for each in slices if each.number > number - SLICES)
    if not tally.calls:
        return kept
    last = Slice(number, 0, 0, 0)
    if kept and kept[-1].number >= number:
        *older, last = kept
        kept = tuple(older)
    return (*kept, Slice(last.number, last.calls + tally.calls, last.failed + tally.failed, last.slow + tally.slow))


def _trips(slices: tuple[Slice, ...], policy: BreakerPolicy) -> bool:
    calls = sum(each.calls for each in slices)
    failed, slow = sum(each.failed for each in slices), sum(each.slow for each in slices)
    enough = calls >= max(1, policy.min_calls)
    return enough and (100 * failed >= policy.failing_percent * calls or 100 * slow >= policy.slow_percent * calls)
