"""The providers of a channel in their order, each behind its breaker, which other processes share."""

import asyncio
import contextlib
from collections.abc import Callable, Hashable

from connectors.delivery.guarded import Guarded
from connectors.delivery.meter import Meter
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.unavailable import Unavailable
from ops.telemetry import logs
from streams.domain.failover import in_order
from streams.domain.outcomes import Outcome

_EVERY_S = 0.5  # how late one process learns what another has found out, and what it costs when nothing happens
_AT_LEAST_S = 0.05  # between two reports, whatever the news


class Providers:
    """Who carries the next delivery. Reports to `parts.breakers` twice a second, and at once when a breaker opens.

    While the shared breakers are away each process goes by its own calls: being away they hold back no delivery.
    """

    def __init__(self, policy: SenderPolicy, parts: SenderParts, meter: Meter, wake: Callable[[], None]) -> None:
        """`wake` is called when a provider has become usable, or slots came free because calls hang."""
        self._all = [Guarded(provider, policy.breaker, meter) for provider in parts.providers]
        self._order = list(self._all)
        self._breakers, self._meter, self._wake = parts.breakers, meter, wake
        self._prefix = f"{policy.channel}/"
        self._news = asyncio.Event()
        self._away = False
        self._log = logs.get(part="sender")
        if len({each.name for each in self._all}) != len(self._all):
            raise ValueError(f"two providers of one name: {[each.name for each in self._all]}")

    async def start(self) -> None:
        """Open them, and learn which of them are known to be down."""
        for each in self._all:
            await each.provider.start()
        await self._report_all()

    async def close(self) -> None:
        for each in self._all:
            await each.provider.close()

    async def run(self) -> None:
        """Tell and learn, for ever."""
        while True:
            await asyncio.sleep(_AT_LEAST_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S - _AT_LEAST_S):
                    await self._news.wait()
            self._news.clear()
            await self._report_all()

    @property
    def usable(self) -> list[str]:
        """Names of those that take calls now, the next one first."""
        return [each.name for each in self._order if each.usable]

    @property
    def hung(self) -> int:
        """Calls under way that are slow already. They should not keep slots from those that would be quick."""
        hung = 0
        for each in self._all:  # asked for each call: a generator would cost more than the sum
            hung += each.hung
        return hung

    def room(self, free: int) -> int:
        """How many of `free` deliveries may be started: none while every breaker is open, few while one is probed."""
        permits, closed = 0, False
        for each in self._order:
            closed = closed or each.closed
            permits += each.permits
            if not each.closed and not each.permits:
                each.wanted = True
        if closed:
            return free
        if not permits and any(each.may_probe_soon for each in self._all):
            self._news.set()
        return min(free, permits)

    def choose(self, failed_at: str | None) -> Guarded | None:
        """The first usable one, but the one at which this delivery has just failed only if there is no other."""
        last = None
        for each in self._order:
            if each.closed or each.permits > 0:
                if each.name != failed_at:
                    return each
                last = each
        return last

    def begin(self, chosen: Guarded, call: Hashable, now: float) -> None:
        """A call of this one starts, for what has one at a time. `now`: seconds, of time.monotonic."""
        if chosen is not self._all[0]:
            self._meter.failover(chosen.name).inc()
        chosen.begin(call, now)

    def ended(self, chosen: Guarded, call: Hashable, outcome: Outcome, now: float) -> None:
        """How it ended."""
        was = chosen.closed
        if chosen.ended(call, outcome, now):
            self._news.set()
        if chosen.closed != was:
            self._say(chosen, was)

    async def _report_all(self) -> None:
        could, hung = self.usable, self.hung
        for each in self._all:
            each.find_overdue()
            if each.policy is not None:
                await self._report(each)
        best = in_order([each.measured for each in self._all])
        self._order = [self._all[place] for place in best]
        if self.usable != could or self.hung > hung:
            self._wake()

    async def _report(self, each: Guarded) -> None:
        tally, wanted = each.take_tally()
        was = each.closed
        try:
            if self._breakers is None or each.policy is None:
                each.alone(tally, wanted)
            else:
                each.learn(await self._breakers.report(self._prefix + each.name, each.policy, tally, wanted))
                self._there(True)
        except Unavailable as away:
            self._there(False, away.reason)
            each.alone(tally, wanted)
        self._say(each, was)

    def _say(self, each: Guarded, was_closed: bool) -> None:
        if each.closed != was_closed:
            words = "the breaker is closed again" if each.closed else "the breaker is open: no calls but probes"
            self._log.warning(words, provider=each.name)

    def _there(self, answered: bool, reason: str = "") -> None:
        if self._away == answered:
            self._away = not answered
            word = "the shared breakers are back" if answered else "breakers are this process's own until Redis is back"
            self._log.warning(word, reason=reason)
