"""One provider behind its circuit breaker, as this process knows it: the shared one, and what has ended since.

With calls that go well nothing is computed: a call only counts. The rules are asked when one fails or is slow.
"""

import time
from collections.abc import Callable, Hashable

from connectors.delivery.meter import Meter
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
from streams.domain.failover import Measured
from streams.domain.outcomes import Outcome
from streams.domain.ports import Provider, Told


class Guarded:
    """`closed`: calls go freely. Else only `permits` calls may be made, as probes. Without a policy always closed.

    A call under way is known by what it is made for, which has one at a time.
    """

    def __init__(
        self,
        provider: Provider,
        policy: BreakerPolicy | None,
        meter: Meter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds and is never set back."""
        self.provider, self.name, self.policy = provider, provider.name, policy
        self.closed = True
        self.permits = 0
        self.hung = 0  # calls under way that are slow already
        self.wanted = False  # somebody would make a probe
        self._clock, self._slow_s = clock, policy.slow_after.total_seconds() if policy else float("inf")
        self._offset_ms = time.time_ns() // 1_000_000 - int(clock() * 1000)  # to the time of the shared breaker
        self._breaker = Breaker()
        self._running: dict[Hashable, float] = {}  # since when, the oldest first
        self._probes: dict[Hashable, int] = {}  # those of them that are one, and the turn they belong to
        self._overdue: set[Hashable] = set()  # those of them that are counted already, as slow
        self._calls = self._failed = self._slow = self._passed = self._lost = self._well = self._in_a_row = 0
        self._row_began: float | None = None  # when the first failed of those that failed one after the other
        self._state = meter.breaker(self.name)
        self._state.set(CLOSED)

    @property
    def usable(self) -> bool:
        return self.closed or self.permits > 0

    @property
    def measured(self) -> Measured:
        """Calls within the window, of all processes."""
        return Measured(self._breaker.calls, self._breaker.failed)

    @property
    def may_probe_soon(self) -> bool:
        """Whether a report now could bring permits."""
        return self.policy is not None and self._moved_on().state is HALF_OPEN

    def begin(self, call: Hashable, now: float) -> None:
        """A call starts; when not closed it takes a permit. `now`: of the clock."""
        if not self.closed:
            self.permits -= 1
            self._probes[call] = self._breaker.turn
        self._running[call] = now

    def ended(self, call: Hashable, outcome: Outcome, now: float) -> bool:
        """Count it. Whether that has opened the breaker, or settled a probe: worth telling at once."""
        began = self._running.pop(call)
        turn = self._probes.pop(call, 0) if self._probes else 0
        if self._overdue and call in self._overdue:
            self._overdue.discard(call)
            self.hung -= 1
            return False
        if self.policy is None:
            return False
        return self._count(began, turn, is_failure(outcome), now - began >= self._slow_s)

    def find_overdue(self) -> bool:
        """Count calls that are slow already, though they have not ended. As `ended`."""
        news = False
        for call, began in self._running.items():
            if self._clock() - began < self._slow_s:
                break
            if call not in self._overdue:
                self._overdue.add(call)
                self.hung += 1
                news = self._count(began, self._probes.get(call, 0), False, True) or news
        return news

    def take_tally(self) -> tuple[Tally, int]:
        """What to tell, once, and how many probes to ask for."""
        told = self._calls, self._failed, self._slow, self._breaker.turn, self._passed, self._lost
        tally = Tally(*told, self._well, self._in_a_row)
        self._forget()
        return tally, self.policy.probes - self.permits if self.policy and self.wanted else 0

    def learn(self, told: Told) -> None:
        """The shared breaker as it stands; what ended while it was asked comes on top."""
        if told.breaker.turn != self._breaker.turn:
            self._passed = self._lost = self.permits = 0
        self._offset_ms = told.now - int(self._clock() * 1000)
        self.permits += told.granted
        self.wanted = self.wanted and not told.granted
        self._show(told.breaker)
        if self._failed or self._slow:
            self._try_rules()

    def alone(self, tally: Tally, wanted: int) -> None:
        """The shared breaker is away: this process goes on by what it knows."""
        if self.policy is not None:
            now = self._now()
            breaker, granted = report(self._breaker, self.policy, tally, wanted, now)
            self.learn(Told(breaker, granted, now))

    def _count(self, began: float, turn: int, failed: bool, slow: bool) -> bool:
        if turn:
            if turn == self._breaker.turn:
                self._passed += not (failed or slow)
                self._lost += failed or slow
            return True
        self._calls += 1
        if not failed and not slow:
            self._well += 1
            self._in_a_row, self._row_began = 0, None
            return False
        if self._row_began is None:
            self._row_began, self._in_a_row = self._clock(), 1
        elif began >= self._row_began:
            self._in_a_row += 1
        self._failed += failed
        self._slow += slow
        return self.closed and self._try_rules()

    def _try_rules(self) -> bool:
        """Whether what is not told yet opens the breaker."""
        if self.policy is None or not self.closed:
            return False
        tally = Tally(self._calls, self._failed, self._slow, well=self._well, in_a_row=self._in_a_row)
        breaker, _ = report(self._breaker, self.policy, tally, 0, self._now())
        if breaker.state is OPEN:
            self._show(breaker)
            return True
        return False

    def _forget(self) -> None:
        """All counts have been told."""
        self._calls = self._failed = self._slow = self._passed = self._lost = self._well = self._in_a_row = 0

    def _show(self, breaker: Breaker) -> None:
        self._breaker = breaker
        if not self.closed:
            self._row_began = None
        self.closed = breaker.state is CLOSED
        if breaker.state is not HALF_OPEN:
            self.permits = 0
        self._state.set(breaker.state)

    def _moved_on(self) -> Breaker:
        return moved_on(self._breaker, self.policy, self._now()) if self.policy else self._breaker

    def _now(self) -> int:
        return int(self._clock() * 1000) + self._offset_ms
