"""Circuit breakers in Redis or Valkey: one script call tells and learns (ports.Breakers)."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.unavailable import Unavailable
from streams.domain.breaker import SLICES, Breaker, BreakerPolicy, BreakerState, Slice, Tally
from streams.domain.ports import Told

PREFIX = "tidings:breaker:"
KEPT = timedelta(hours=1)  # without a report for so long it is forgotten, which closes it
_MS = timedelta(milliseconds=1)
_SCRIPT = (Path(__file__).parent / "breaker.lua").read_text()


class RedisBreakers:
    """Keys are `tidings:breaker:<provider>`. Raises Unavailable when Redis is away or too slow."""

    def __init__(self, redis: Redis, clock: Callable[[], int] | None = None) -> None:
        """`clock` gives ms since 1970 UTC; without one it is the server's, the same for all processes."""
        self._clock = clock
        self._report = redis.register_script(_SCRIPT)

    async def report(self, provider: str, policy: BreakerPolicy, tally: Tally, wanted: int) -> Told:
        """A report whose answer was lost may have been counted; it is not told again."""
        limits = (
            policy.slice_ms, SLICES, policy.min_calls, policy.failing_percent, policy.slow_percent,
            policy.open_for // _MS, policy.open_at_most // _MS, policy.probes, policy.probe_within // _MS,
            policy.in_a_row,
        )  # fmt: skip
        now = self._clock() if self._clock else ""
        try:
            text, granted, at = await self._report(
                keys=[PREFIX + provider], args=[now, KEPT // _MS, *limits, *tally, wanted]
            )
        except (RedisError, OSError) as error:
            raise Unavailable("redis", f"{type(error).__name__} {error}") from error
        return Told(_decoded(text), granted, int(at))


def _decoded(text: bytes) -> Breaker:
    words = text.split()
    state, since, turn, failed_turns, given, passed, in_a_row = map(int, words[:7])
    slices = tuple(Slice(*map(int, word.split(b":"))) for word in words[7:])
    return Breaker(BreakerState(state), since, turn, failed_turns, given, passed, slices, in_a_row)
