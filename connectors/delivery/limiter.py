"""Holds a sender to its rate limits: tokens of the provider before deliveries are picked, of the others after.

Without limits nothing is asked. While the shared limits are away each process holds to them for itself.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from connectors.delivery.incoming import Record
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.turns import Line, Turns
from connectors.unavailable import Unavailable
from ops.telemetry import logs
from streams.domain.ports import Limits
from streams.domain.rate_limit import Ask, Bucket, Lease, lease

_KEPT_S = 1.0
_GATHER_US = 5_000
_SWEEP_ABOVE = 10_000
_ASK_AGAIN_S = 0.5  # a Redis that hangs costs its patience so seldom, not for each batch


class Held(NamedTuple):
    """Over a limit: of its tenant or its recipient, for so long at least."""

    by: str
    seconds: float


@dataclass(slots=True)
class _Pool:
    """Tokens of one provider, leased and not spent yet. Too old they lapse: they would add to a full burst."""

    tokens: int = 0
    until: float = 0.0
    closed_until: float = 0.0
    missed: bool = False  # a delivery has just been turned away for want of one


class Limiter:
    """Three kinds of limits, each optional: calls to each provider, calls for each tenant and for each recipient."""

    def __init__(
        self, policy: SenderPolicy, limits: Limits | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`limits` None: this process alone. `clock` gives seconds and is never set back."""
        self._limits, self._shared, self._clock = policy.limits, limits, clock
        self._channel = policy.channel
        self._pools: dict[str, _Pool] = {}
        self._own: dict[str, int] = {}
        self._turns = Turns()
        self._away = False
        self._ask_again_at = 0.0
        self._log = logs.get(part="sender")

    @property
    def of_providers(self) -> bool:
        return self._limits.provider is not None

    @property
    def of_people(self) -> bool:
        """Whether tenants or recipients are limited."""
        return self._limits.tenant is not None or self._limits.recipient is not None

    async def fill(self, names: Sequence[str], wanted: int) -> tuple[int, float]:
        """Tokens for the first of these providers, at most `wanted`; with none, seconds until there may be one.

        Leases only when none is left; also for those of the others that have turned a delivery away.
        """
        first = self._pool(names[0])
        asked = [name for name in names if self._lacks(self._pool(name), name == names[0])]
        if asked:
            self._take_up(asked, await self._lease([self._ask(name, wanted) for name in asked]))
        tokens = min(first.tokens, wanted)
        return tokens, 0.0 if tokens else max(0.0, first.closed_until - self._clock())

    def spend(self, name: str) -> float:
        """A call to this provider starts: 0; or, when it has no token, seconds until it may have one."""
        if self._limits.provider is None:
            return 0.0
        pool = self._pool(name)
        if pool.tokens:
            pool.tokens -= 1
            return 0.0
        pool.missed = True
        return max(0.01, pool.closed_until - self._clock())

    async def admit(self, records: Sequence[Record], names: Sequence[str], more: int) -> list[Held | None]:
        """Per delivery None: its tokens are leased; or by what it is held back.

        One round trip, which also fetches tokens of the first provider for the next `more` deliveries.
        """
        asks = [self._ask_for(record, 1) for record in records]
        held = [self._in_line(record, ask) for record, ask in zip(records, asks, strict=True)]
        asking = [place for place, each in enumerate(held) if each is None]
        missing = self._missing(names[0], len(records) + more) if names and self.of_providers else 0
        ahead = [self._ask(names[0], missing)] if missing > 0 else []
        leases = await self._lease([asks[place] for place in asking] + ahead)
        if ahead:
            self._take_up(names[:1], leases[len(asking) :])
        for place, found in zip(asking, leases[: len(asking)], strict=True):
            if not found.granted:
                held[place] = self._turn(records[place], asks[place].buckets[found.held_by], found.wait_us / 1_000_000)
        return held

    def back(self, record: Record) -> Ask:
        """What `give_back` takes for one that was admitted."""
        return self._ask_for(record, -1)

    async def give_back(self, backs: Sequence[Ask]) -> None:
        """Admitted, but not called after all."""
        await self._lease(backs)

    def _in_line(self, record: Record, ask: Ask) -> Held | None:
        """Who has not waited yet goes behind those who do, without asking."""
        if record.has_waited:
            return None
        now, priority = self._clock(), record.lane[1]
        line = next((bucket for bucket in ask.buckets if self._turns.is_line(bucket, priority, now)), None)
        return self._turn(record, line, 0.0) if line else None

    def _turn(self, record: Record, bucket: Bucket, at_least: float) -> Held:
        line = Line.AGAIN if record.has_waited else Line.COME
        seconds = self._turns.give(bucket, record.lane[1], line, self._clock(), at_least)
        return Held("tenant" if bucket.key.startswith(f"{self._channel}/tenant/") else "recipient", seconds)

    def _ask_for(self, record: Record, wanted: int) -> Ask:
        told, limits = record.delivery.notification, self._limits
        buckets = []
        if limits.tenant is not None and told.tenant is not None:
            buckets.append(Bucket(f"{self._channel}/tenant/{told.tenant}", limits.tenant))
        if limits.recipient is not None:
            buckets.append(Bucket(f"{self._channel}/recipient/{told.recipient_id}", limits.recipient))
        return Ask(tuple(buckets), wanted)

    def _ask(self, name: str, wanted: int) -> Ask:
        assert self._limits.provider is not None
        return Ask((Bucket(f"{self._channel}/provider/{name}", self._limits.provider),), wanted)

    def _pool(self, name: str) -> _Pool:
        pool = self._pools.setdefault(name, _Pool())
        if pool.tokens and pool.until <= self._clock():
            pool.tokens = 0
        return pool

    def _lacks(self, pool: _Pool, first: bool) -> bool:
        return not pool.tokens and (first or pool.missed) and pool.closed_until <= self._clock()

    def _missing(self, name: str, wanted: int) -> int:
        pool = self._pool(name)
        return wanted - pool.tokens if pool.closed_until <= self._clock() else 0

    def _take_up(self, names: Sequence[str], leases: Sequence[Lease]) -> None:
        now = self._clock()
        limit = self._limits.provider
        assert limit is not None
        for name, (granted, wait_us, _) in zip(names, leases, strict=True):
            pool = self._pool(name)
            pool.tokens, pool.until = pool.tokens + granted, now + max(_KEPT_S, limit.interval_us / 1_000_000)
            # so long that a few tokens gather, or a high limit would cost a round trip for each
            gather_us = min(_GATHER_US, limit.interval_us * limit.burst // 2) if wait_us else 0
            pool.closed_until, pool.missed = now + max(wait_us, gather_us) / 1_000_000, False

    async def _lease(self, asks: Sequence[Ask]) -> Sequence[Lease]:
        if self._shared is not None and self._clock() >= self._ask_again_at:
            try:
                leases = await self._shared.lease(asks)
            except Unavailable as away:
                self._ask_again_at = self._clock() + _ASK_AGAIN_S
                self._there(False, away.reason)
            else:
                self._there(True)
                return leases
        now = time.time_ns() // 1_000
        changed, leases = lease(self._own, asks, now)
        self._own |= changed
        if len(self._own) > _SWEEP_ABOVE:
            self._own = {key: at for key, at in self._own.items() if at > now}
        return leases

    def _there(self, answered: bool, reason: str = "") -> None:
        if self._away == answered:
            self._away = not answered
            word = "the shared limits are back" if answered else "limits are this process's own until Redis is back"
            self._log.warning(word, reason=reason)
