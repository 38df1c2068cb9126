"""Claims in Redis, and in PostgreSQL while Redis is away: sending goes on (ops/decisions/0010).

A delivery belongs to the one process that owns its partition, so processes need not agree on where to claim. What
counts is that ownership can move between two that claim in different places: whoever takes partitions over first copies
what was left in PostgreSQL to Redis.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from connectors.delivery.adoption import Adoption, Home, StandIn
from connectors.delivery.fail_stop import fail_stop
from connectors.unavailable import Unavailable
from ops.telemetry import logs, metrics
from streams.domain.ports import Claims

_LOOK_S = 1.0
_SWEEP_TURNS = 10  # what may be left is looked for so seldom
_REMINDED_AT_MOST = 3  # times in a call, of a Redis that forgets as soon as it is told
_PATIENCE = 2  # turns in which Redis waits for what is in PostgreSQL, if that is away as well

T = TypeVar("T")


class FallbackClaims:
    """Implements ports.Claims. Raises Unavailable only when both are away. While Redis is there it alone is asked.

    Verdicts from PostgreSQL can be UNSURE: what was claimed in Redis before nobody can see.
    """

    def __init__(self, redis: Home, postgres: StandIn, look_s: float = _LOOK_S) -> None:
        """`look_s`: seconds between two looks whether Redis is there again."""
        self._redis, self._postgres, self._look_s = redis, postgres, look_s
        self._adoption = Adoption(redis, postgres)
        self._is_there = True
        self._changes = 0  # of _is_there
        self._why = ""
        self._owners: set[bytes] = set()
        self._taking_over = asyncio.Lock()
        self._open, self._quiet = asyncio.Event(), asyncio.Event()  # the way to PostgreSQL; nobody is on it
        self._open.set()
        self._quiet.set()
        self._on_the_way = 0
        self._may_be_left = False
        self._failed_copies = 0
        self._watching: asyncio.Task[None] | None = None
        self._log = logs.get(part="claims")
        metrics.CLAIMS_FALLBACK.set(0)

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> Sequence[int | bytes]:
        """The verdict per key: NEW, AMBIGUOUS, UNSURE, or the mark of what it came to."""
        if owner not in self._owners:
            await self._take_over(owner)
        verdicts = await self._carried_out(lambda claims: claims.claim(owner, keys))
        self._adoption.recent.claimed(owner, keys, verdicts)
        return verdicts

    async def mark(self, owner: bytes, marks: Sequence[tuple[bytes, bytes]]) -> None:
        """Mark ends, or give claims back."""
        await self._carried_out(lambda claims: claims.mark(owner, marks))
        self._adoption.recent.marked(owner, marks)

    async def close(self) -> None:
        """Stop looking, and give the connections back. What is in PostgreSQL is copied by the next process."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        metrics.CLAIMS_FALLBACK.set(0)
        await self._redis.close()

    async def _carried_out(self, work: Callable[[Claims], Awaitable[T]]) -> T:
        reminded = 0
        while True:
            if self._is_there:
                changes, told = self._changes, self._adoption.told
                try:
                    done = await work(self._redis)
                    if self._adoption.is_forgotten:
                        reminded += 1
                        await self._remind(reminded)
                    elif told == self._adoption.told:
                        return done
                    # again: it may say another thing now, and does not know what it was told before it forgot
                except Unavailable as away:
                    self._lost(away, changes)
            elif self._open.is_set():
                return await self._by_stand_in(work)
            else:
                await self._open.wait()

    async def _remind(self, times: int) -> None:
        """Raises Unavailable."""
        if times > _REMINDED_AT_MOST:
            raise Unavailable("redis", "it forgets again and again")
        async with self._taking_over:
            if self._adoption.is_forgotten:  # else another call found it out too
                await self._adoption.look()

    async def _by_stand_in(self, work: Callable[[Claims], Awaitable[T]]) -> T:
        self._on_the_way += 1
        self._quiet.clear()
        try:
            return await work(self._postgres)
        except Unavailable as away:
            raise Unavailable(f"redis and {away.service}", f"{self._why}; {away.reason}") from away
        finally:
            self._on_the_way -= 1
            if not self._on_the_way:
                self._quiet.set()

    async def _take_over(self, owner: bytes) -> None:
        """Before the first claim of an assignment: what its partitions' owners before left in PostgreSQL counts."""
        async with self._taking_over:
            if owner in self._owners:
                return
            changes = self._changes
            if self._is_there:
                try:
                    await self._adoption.look()
                    self._note(await self._adoption.copy())
                except Unavailable as away:
                    self._lost(away, changes)
            self._owners.add(owner)

    def _lost(self, away: Unavailable, changes: int) -> None:
        """A call failed that began after so many changes; a later one may have found Redis there again."""
        if not self._is_there or changes != self._changes:
            return
        self._change(False)
        self._why, self._failed_copies = away.reason, 0
        self._log.warning("Redis is away: claims are made in PostgreSQL until it is back", reason=away.reason)
        self._watch()

    def _change(self, is_there: bool) -> None:
        self._is_there = is_there
        self._changes += 1
        metrics.CLAIMS_FALLBACK.set(not is_there)

    def _note(self, copied: int | None) -> None:
        """Ends that have just been copied stay for some seconds, and what could not be read stays anyway."""
        self._may_be_left = copied != 0
        if copied:
            self._log.warning("claims that were left in PostgreSQL are in Redis now", count=copied)
        if self._may_be_left:
            self._watch()

    def _watch(self) -> None:
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._look_after())
            self._watching.add_done_callback(_stop_on_error)

    async def _look_after(self) -> None:
        """Until Redis is there and nothing is left in PostgreSQL."""
        turns = 0
        while not self._is_there or self._may_be_left:
            await asyncio.sleep(self._look_s)
            turns += 1
            with contextlib.suppress(Unavailable):
                if not self._is_there:
                    await self._return()
                elif turns % _SWEEP_TURNS == 0:
                    self._may_be_left = await self._adoption.copy() != 0

    async def _return(self) -> None:
        """Copy all while sending goes on; what was made meanwhile while it waits; then go back. Raises Unavailable."""
        await self._adoption.look()
        first = await self._adoption.copy()
        if first is None:
            self._failed_copies += 1
            if self._failed_copies < _PATIENCE:
                return
        self._open.clear()
        try:
            await self._quiet.wait()
            rest = await self._adoption.copy() if first is not None else None
            self._change(True)
        finally:
            self._open.set()
        self._log.warning("Redis is back: claims are made there again")
        self._note(None if rest is None or first is None else first + rest)


def _stop_on_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        fail_stop(error)
