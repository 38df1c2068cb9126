"""Rate limits in Redis or Valkey: one script call leases the tokens of a whole batch (ports.Limits)."""

from collections.abc import Callable, Sequence
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.unavailable import Unavailable
from streams.domain.rate_limit import Ask, Lease

PREFIX = "tidings:limit:"
_AT_ONCE = 1_000
_SCRIPT = (Path(__file__).parent / "lease.lua").read_text()


class RedisLimits:
    """Keys are `tidings:limit:<bucket>` and go when the bucket is full. Raises Unavailable: away, or too slow.

    A lease whose answer was lost is lost: a limit is never exceeded, at worst a little less is used.
    """

    def __init__(self, redis: Redis, clock: Callable[[], int] | None = None) -> None:
        """`clock` gives us since 1970 UTC; without one it is the server's, the same for all processes."""
        self._clock = clock
        self._lease = redis.register_script(_SCRIPT)

    async def lease(self, asks: Sequence[Ask]) -> list[Lease]:
        leases: list[Lease] = []
        for start in range(0, len(asks), _AT_ONCE):
            leases += await self._some(asks[start : start + _AT_ONCE])
        return leases

    async def _some(self, asks: Sequence[Ask]) -> list[Lease]:
        keys: list[str] = []
        args: list[int | str] = [self._clock() if self._clock else ""]
        for buckets, wanted in asks:
            args += (wanted, len(buckets))
            for key, limit in buckets:
                keys.append(PREFIX + key)
                args += (limit.interval_us, limit.burst)
        try:
            found = await self._lease(keys=keys, args=args)
        except (RedisError, OSError) as error:
            raise Unavailable("redis", f"{type(error).__name__} {error}") from error
        return [Lease(*each) for each in zip(found[::3], found[1::3], found[2::3], strict=True)]
