"""Redis and PostgreSQL in memory, as places of claims, that go and come back as a test tells."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from connectors.delivery.fallback_claims import FallbackClaims
from connectors.memory.claims import ClaimsInMemory
from ops.telemetry import metrics
from streams.domain.claim_marks import Left
from tests.delivery.ground import until

ME, NEXT, OTHER = b"me.1", b"me.2", b"other.1"
A, B, C = b"a:0", b"b:0", b"c:0"


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class CountedClaims(ClaimsInMemory):
    """Counts what it is asked. `held`: marks wait for `gate`."""

    def __init__(self, clock: Clock, elsewhere: bool = False) -> None:
        super().__init__(clock=clock, elsewhere=elsewhere)
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
        self.asked += 1
        return await super().claim(owner, keys)

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        self.asked += 1
        await self.gate.wait()
        await super().mark(owner, marks)

    async def left(self, after: bytes, limit: int) -> list[Left]:
        self.asked += 1
        return await super().left(after, min(limit, 2))


class Servers:
    """Redis and PostgreSQL of some processes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.redis = CountedClaims(self.clock)
        self.postgres = CountedClaims(self.clock, elsewhere=True)

    @asynccontextmanager
    async def process(self) -> AsyncIterator[FallbackClaims]:
        claims = FallbackClaims(self.redis, self.postgres, look_s=0.001)
        try:
            yield claims
        finally:
            await claims.close()


def stands_in() -> bool:
    return bool(metrics.CLAIMS_FALLBACK._value.get())


async def back() -> None:
    await until(lambda: not stands_in(), what="claims in Redis again")
