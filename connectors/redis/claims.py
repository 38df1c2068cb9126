"""Claims in Redis or Valkey: who may call the provider for a delivery. One script call per batch (ports.Claims)."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from connectors.redis.scripts import Script, Scripts
from connectors.unavailable import Unavailable
from streams.domain.claim_marks import KEPT, Left

PREFIX = b"tidings:claim:"
MEMORY = b"tidings:claims"  # names what is remembered: gone when all was forgotten

_AT_ONCE = 1_000  # Lua unpacks no more than some thousand keys
_ANSWER_S = 2.0
_CLAIM, _MARK, _ADOPT, _MEMORY = (
    Script(Path(__file__).with_name(f"{name}.lua")) for name in ("claim", "mark", "adopt", "memory")
)


class RedisClaims:
    """Keys are `tidings:claim:<delivery id>:<redrive>`. Every method raises Unavailable when Redis is away or too slow.

    A call that failed may have been carried out; making it again is safe and gives the same verdicts.
    """

    def __init__(self, redis: Redis, ttl: timedelta = KEPT) -> None:
        self._redis, self._scripts = redis, Scripts(redis, _ANSWER_S)
        self._ttl_ms = ttl // timedelta(milliseconds=1)
        self._memory = b""
        self.seen: bytes | None = None
        """The name of what was remembered here (`memory`) when the last call was carried out; None: it had none."""

    @classmethod
    def at(cls, url: str, ttl: timedelta = KEPT) -> Self:
        """Connects with the first call."""
        return cls(Redis.from_url(url, socket_timeout=None, retry=Retry(NoBackoff(), 0)), ttl)

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
        """The verdict per key: NEW, AMBIGUOUS, or the mark of what it came to (streams.domain.claim_marks)."""
        verdicts: list[int | bytes] = []
        for start in range(0, len(keys), _AT_ONCE):
            name = self._memory
            answers = await self._call(_CLAIM, keys[start : start + _AT_ONCE], [owner, self._ttl_ms, name])
            self.seen = name if answers.pop() else None
            verdicts += answers
        return verdicts

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Mark ends, or give claims back."""
        for start in range(0, len(marks), _AT_ONCE):
            name, some = self._memory, marks[start : start + _AT_ONCE]
            told: list[bytes | int] = [owner, self._ttl_ms, name, *[mark for _, mark in some]]
            self.seen = name if await self._call(_MARK, [key for key, _ in some], told) else None

    async def adopt(self, rows: Sequence[Left]) -> None:
        """Take over claims that were made elsewhere; what is here becomes never weaker."""
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            told = [each for _, value, age_ms in some for each in (value, age_ms)]
            await self._run(_ADOPT, [PREFIX + key for key, _, _ in some], [self._ttl_ms, *told])

    async def memory(self) -> bytes:
        """The name of what is remembered here: another one when all was forgotten. Written each time."""
        self._memory = self.seen = cast(bytes, await self._run(_MEMORY, [MEMORY], [uuid4().hex.encode()]))
        return self._memory

    async def close(self) -> None:
        """Give the connections back."""
        await self._scripts.close()
        await self._redis.aclose()

    async def _call(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes | int]) -> Any:
        return await self._run(script, [MEMORY, *[PREFIX + key for key in keys]], args)

    async def _run(self, script: Script, keys: Sequence[bytes], args: Sequence[bytes | int]) -> Any:
        try:
            return await self._scripts.run(script, keys, args)
        except (RedisError, OSError) as error:
            raise Unavailable("redis", f"{type(error).__name__} {error}".strip()) from error
