"""Claims in memory: the rules as they are written down (streams/domain/claim_marks.py), for tests and benchmarks."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from connectors.unavailable import Unavailable
from streams.domain.claim_marks import KEPT, Left, adopted, claimed, is_over, marked, verdict

_LINGER_S = 10.0


class ClaimsInMemory:
    """Stands for claims in Redis, or, with `elsewhere`, for those in PostgreSQL while Redis is away.

    `values` are the live claims by key. Set `away` to make every call fail as if the server were gone.
    """

    def __init__(
        self, ttl: timedelta = KEPT, clock: Callable[[], float] = time.monotonic, elsewhere: bool = False
    ) -> None:
        """`clock` gives seconds. `elsewhere`: claims may also have been made elsewhere."""
        self._ttl_s = ttl.total_seconds()
        self._clock = clock
        self._elsewhere = elsewhere
        self._kept: dict[bytes, tuple[bytes, float]] = {}
        self._memory = uuid4().bytes
        self.away = False

    @property
    def values(self) -> dict[bytes, bytes]:
        return {key: value for key in self._kept if (value := self._get(key))}

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
        """The verdict per key: NEW, AMBIGUOUS, UNSURE, or the mark of what it came to."""
        self._check_there()
        return [self._claim_one(owner, key) for key in keys]

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Mark ends, or give claims back."""
        self._check_there()
        for key, mark in marks:
            self._change(key, marked(self._get(key), owner, mark, self._elsewhere))

    async def adopt(self, rows: Sequence[Left]) -> None:
        """Take over claims that were made elsewhere."""
        self._check_there()
        for key, left, age_ms in rows:
            _, since = self._kept.get(key, (b"", 0.0))
            self._change(key, adopted(self._get(key), left, (self._clock() - since) * 1000 > age_ms))

    async def memory(self) -> bytes:
        """The name of what is remembered here: another one when all was forgotten."""
        self._check_there()
        return self._memory

    @property
    def seen(self) -> bytes | None:
        """The name under which the last call was carried out; None: what is remembered here has none."""
        return self._memory

    async def left(self, after: bytes, limit: int) -> list[Left]:
        """The next claims by key."""
        self._check_there()
        rows = [Left(key, value, self._age_ms(key)) for key, value in sorted(self.values.items()) if key > after]
        return rows[:limit]

    async def forget(self, rows: Sequence[Left]) -> None:
        """Drop those that still say the same; what is over only when it is some seconds old."""
        self._check_there()
        for key, value, _ in rows:
            if self._get(key) == value and not (is_over(value) and self._age_ms(key) < _LINGER_S * 1000):
                del self._kept[key]

    def empty(self) -> None:
        """Forget everything, as a server that starts without its data."""
        self._kept.clear()
        self._memory = uuid4().bytes

    async def close(self) -> None:
        """Nothing to give back."""

    def _check_there(self) -> None:
        if self.away:
            raise Unavailable("redis", "away")

    def _get(self, key: bytes) -> bytes:
        value, since = self._kept.get(key, (b"", 0.0))
        return value if value and self._clock() - since < self._ttl_s else b""

    def _claim_one(self, owner: bytes, key: bytes) -> int | bytes:
        value = claimed(self._get(key), owner, self._elsewhere)
        if not is_over(value):
            self._kept[key] = value, self._clock()
        return verdict(value)

    def _change(self, key: bytes, value: bytes) -> None:
        if value != self._get(key):
            self._kept[key] = value, self._clock()

    def _age_ms(self, key: bytes) -> int:
        return int((self._clock() - self._kept[key][1]) * 1000)
