"""Circuit breakers in memory: the pure rules and a dict, for tests and for several senders in one process."""

import time
from collections.abc import Callable

from connectors.unavailable import Unavailable
from streams.domain.breaker import Breaker, BreakerPolicy, Tally, report
from streams.domain.ports import Told


class BreakersInMemory:
    """`breakers` by provider. Set `away` to make every call fail as if the server were gone."""

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """`clock` gives ms since 1970 UTC."""
        self._clock = clock
        self.breakers: dict[str, Breaker] = {}
        self.away = False

    async def report(self, provider: str, policy: BreakerPolicy, tally: Tally, wanted: int) -> Told:
        if self.away:
            raise Unavailable("redis", "away")
        now = self._clock()
        breaker, granted = report(self.breakers.get(provider, Breaker()), policy, tally, wanted, now)
        self.breakers[provider] = breaker
        return Told(breaker, granted, now)
