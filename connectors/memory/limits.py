"""Rate limits in memory: for tests, for one process alone, and for a sender whose Redis is away."""

import time
from collections.abc import Callable, Sequence

from connectors.unavailable import Unavailable
from streams.domain.rate_limit import Ask, Lease, lease

_SWEEP_ABOVE = 10_000


class LimitsInMemory:
    """`asked`: every lease call so far. Set `away` to make each call fail as if the server were gone."""

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1_000) -> None:
        """`clock` gives us since 1970 UTC."""
        self._clock = clock
        self._arrivals: dict[str, int] = {}
        self.away = False
        self.asked = 0

    async def lease(self, asks: Sequence[Ask]) -> list[Lease]:
        return self.lease_now(asks)

    def lease_now(self, asks: Sequence[Ask]) -> list[Lease]:
        """The same without waiting."""
        self.asked += 1
        if self.away:
            raise Unavailable("redis", "away")
        now = self._clock()
        changed, leases = lease(self._arrivals, asks, now)
        self._arrivals |= changed
        if len(self._arrivals) > _SWEEP_ABOVE:
            self._arrivals = {key: at for key, at in self._arrivals.items() if at > now}
        return leases
