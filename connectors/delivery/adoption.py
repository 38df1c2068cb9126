"""Claims that were made in PostgreSQL while Redis was away are copied to Redis, and dropped where they were.

A Redis that has forgotten everything is told again what this process has in mind.
"""

from collections.abc import Sequence
from typing import Protocol

from connectors.delivery.recent_claims import RecentClaims
from connectors.unavailable import Unavailable
from ops.telemetry import logs
from streams.domain.claim_marks import Left
from streams.domain.ports import Claims

_AT_ONCE = 1_000


class Home(Claims, Protocol):
    """Claims in the place where they belong. Every method raises Unavailable."""

    @property
    def seen(self) -> bytes | None:
        """The name of what was remembered here when the last call was carried out; None: it had none."""

    async def adopt(self, rows: Sequence[Left]) -> None:
        """Take over claims that were made elsewhere (streams.domain.claim_marks.adopted)."""

    async def memory(self) -> bytes:
        """The name of what is remembered here: another one when all was forgotten. Fails unless it can be written."""

    async def close(self) -> None:
        """Give the connections back."""


class StandIn(Claims, Protocol):
    """Claims in the place that is used while Home is away. Every method raises Unavailable."""

    async def left(self, after: bytes, limit: int) -> Sequence[Left]:
        """The next of those that are here by key; empty: no more."""

    async def forget(self, rows: Sequence[Left]) -> None:
        """Drop those that still say the same; an end only when it is some seconds old."""


class Adoption:
    """Any process may copy what any other has left: done twice, or half, it says nothing weaker."""

    def __init__(self, home: Home, stand_in: StandIn) -> None:
        self._home, self._stand_in = home, stand_in
        self.recent = RecentClaims()
        self.told = 0
        """Changes while Redis, which had forgotten all, is told what was claimed last, and when it was."""
        self._memory: bytes | None = None
        self._out_of_reach = False
        self._log = logs.get(part="claims")

    @property
    def is_forgotten(self) -> bool:
        """Whether Redis has forgotten everything since the last look: found out by any call."""
        return self._memory not in (None, self._home.seen)

    async def look(self) -> None:
        """Raises Unavailable when Redis cannot be read and written.

        When it has forgotten everything it says so loudly, and tells Redis again what this process claimed last.
        """
        memory = await self._home.memory()
        if self._memory not in (None, memory):
            self.told += 1
            known = self.recent.left()
            self._log.error(
                "Redis has forgotten all claims: what a process that is gone had not committed may be sent twice, "
                "also what says hold",
                mend="give it a disk (appendonly yes) and maxmemory-policy noeviction",
                told_again=len(known),
            )
            await self._home.adopt(known)
            self.told += 1
        self._memory = memory

    async def copy(self) -> int | None:
        """How many were copied; None: PostgreSQL is away, and some may be left. Raises Unavailable: Redis is."""
        after, copied = b"", 0
        while rows := await self._next(after):
            await self._home.adopt(rows)
            if not await self._forgotten(rows):
                return None
            after, copied = rows[-1].key, copied + len(rows)
        return None if rows is None else copied

    async def _next(self, after: bytes) -> Sequence[Left] | None:
        try:
            rows = await self._stand_in.left(after, _AT_ONCE)
        except Unavailable as away:
            self._reached(False, away.reason)
            return None
        self._reached(True)
        return rows

    async def _forgotten(self, rows: Sequence[Left]) -> bool:
        try:
            await self._stand_in.forget(rows)
        except Unavailable as away:
            self._reached(False, away.reason)
            return False
        return True

    def _reached(self, answered: bool, reason: str = "") -> None:
        if self._out_of_reach == answered:
            self._out_of_reach = not answered
            word = "can be read again" if answered else "cannot be read: they are copied to Redis as soon as they can"
            self._log.warning(f"claims that may be left in PostgreSQL {word}", reason=reason)
