"""Claims in memory: the same rules as the scripts of connectors/redis, for tests and benchmarks."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from connectors.unavailable import Unavailable
from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED

_ENDS = (b"s", b"d", b"x")


class ClaimsInMemory:
    """`values` are the live claims by key. Set `away` to make every call fail as if the server were gone."""

    def __init__(self, ttl: timedelta = timedelta(days=7), clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._ttl_s = ttl.total_seconds()
        self._clock = clock
        self._kept: dict[bytes, tuple[bytes, float]] = {}
        self.away = False

    @property
    def values(self) -> dict[bytes, bytes]:
        now = self._clock()
        return {key: value for key, (value, until) in self._kept.items() if until > now}

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
        """The verdict per key: NEW, AMBIGUOUS, or the mark of its end."""
        self._check_there()
        return [self._claim_one(owner, key) for key in keys]

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Mark ends, or give claims back."""
        self._check_there()
        for key, mark in marks:
            self._mark_one(owner, key, mark)

    async def close(self) -> None:
        """Nothing to give back."""

    def _claim_one(self, owner: bytes, key: bytes) -> int | bytes:
        value = self._get(key)
        if value[:1] in _ENDS:
            return value
        ambiguous = value[:1] == b"a" or (value[:1] == b"c" and value[1:] != owner)
        self._set(key, (b"a" if ambiguous else b"c") + owner)
        return AMBIGUOUS if ambiguous else NEW

    def _mark_one(self, owner: bytes, key: bytes, mark: bytes) -> None:
        value = self._get(key)
        if mark != RELEASED and value[:1] not in _ENDS:
            self._set(key, mark)
        elif value == b"c" + owner:
            self._set(key, RELEASED)
        elif value == b"a" + owner:
            self._set(key, b"a")

    def _check_there(self) -> None:
        if self.away:
            raise Unavailable("redis", "away")

    def _get(self, key: bytes) -> bytes:
        value, until = self._kept.get(key, (b"", 0.0))
        return value if until > self._clock() else b""

    def _set(self, key: bytes, value: bytes) -> None:
        self._kept[key] = value, self._clock() + self._ttl_s
