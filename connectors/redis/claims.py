"""Claims in Redis or Valkey: who may call the provider for a delivery. One script call per batch (ports.Claims)."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionFailed
from redis.exceptions import RedisError

from connectors.unavailable import Unavailable

PREFIX = b"tidings:claim:"
KEPT = timedelta(days=7)  # as long as the topics keep the records, and longer than any retry schedule

_AT_ONCE = 1_000  # Lua unpacks no more than some thousand keys
_ANSWER_S = 2.0
_FOLDER = Path(__file__).parent


class RedisClaims:
    """Keys are `tidings:claim:<delivery id>:<redrive>`. Every method raises Unavailable when Redis is away or too slow.

    A call that failed may have been carried out; making it again is safe and gives the same verdicts.
    """

    def __init__(self, redis: Redis, ttl: timedelta = KEPT) -> None:
        self._redis = redis
        self._ttl_ms = ttl // timedelta(milliseconds=1)
        self._claim = redis.register_script((_FOLDER / "claim.lua").read_text())
        self._mark = redis.register_script((_FOLDER / "mark.lua").read_text())

    @classmethod
    def at(cls, url: str, ttl: timedelta = KEPT) -> Self:
        """Connects with the first call. One retry, for a connection that broke while it lay idle."""
        retry = Retry(NoBackoff(), 1, supported_errors=(ConnectionFailed,))
        return cls(Redis.from_url(url, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S, retry=retry), ttl)

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
        """The verdict per key: NEW, AMBIGUOUS, or the mark of its end (streams.domain.claim_marks)."""
        verdicts: list[int | bytes] = []
        for start in range(0, len(keys), _AT_ONCE):
            verdicts += await self._call(self._claim, keys[start : start + _AT_ONCE], [owner, self._ttl_ms])
        return verdicts

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Mark ends, or give claims back."""
        for start in range(0, len(marks), _AT_ONCE):
            some = marks[start : start + _AT_ONCE]
            await self._call(self._mark, [key for key, _ in some], [owner, self._ttl_ms, *(mark for _, mark in some)])

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _call(self, script: Any, keys: Sequence[bytes], args: Sequence[bytes | int]) -> Any:
        try:
            return await script(keys=[PREFIX + key for key in keys], args=args)
        except (RedisError, OSError) as error:
            raise Unavailable("redis", f"{type(error).__name__} {error}") from error
