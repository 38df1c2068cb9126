"""Dead letters in memory. `away = True`: as if PostgreSQL did not answer."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from connectors.dead_letters.dead_letter import Cursor, DeadLetter, State
from connectors.dead_letters.ports import Batch, Drop, Work, WorkMany
from connectors.dead_letters.stats import DeadLetterStats, summed_up
from connectors.dead_letters.wanted import DeadLetterFilter, fits
from connectors.http.states import DeadLetterState
from connectors.unavailable import Unavailable


class DeadLettersInMemory:
    """Like connectors.postgres.dead_letters; `add` is the recorder."""

    def __init__(self) -> None:
        self.away = False
        self._rows: dict[str, DeadLetter] = {}
        self._lock = asyncio.Lock()

    def add(self, dead: DeadLetter) -> None:
        self._rows[dead.dead_letter_id] = dead

    async def page(self, wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> Sequence[DeadLetterState]:
        return [DeadLetterState.of(asdict(row)) for row in await self.letters(wanted, before, limit)]

    async def letters(self, wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> Sequence[DeadLetter]:
        self._ask()
        end = (before.dead_at, before.dead_letter_id) if before else None
        return [row for row in reversed(self._sorted(wanted)) if end is None or _place(row) < end][:limit]

    async def stats(self, wanted: DeadLetterFilter, now: int) -> DeadLetterStats:
        self._ask()
        return summed_up(self._sorted(wanted), _moment(now))

    async def find(self, dead_letter_id: str) -> DeadLetter | None:
        self._ask()
        return self._rows.get(dead_letter_id)

    async def redriven(self, dead_letter_id: str, work: Work, now: int) -> DeadLetter | None:
        self._ask()
        async with self._lock:
            dead = self._rows.get(dead_letter_id)
            if dead is None:
                return None
            taken = dead if dead.redriven_at is None else replace(dead, redrives=dead.redrives + 1)
            await work(taken)
            self._note([dead_letter_id], now)
            return taken

    async def redriven_many(self, batch: Batch, work: WorkMany) -> Sequence[DeadLetter]:
        self._ask()
        async with self._lock:
            begin = (batch.after.dead_at, batch.after.dead_letter_id) if batch.after else None
            waiting = self._sorted(replace(batch.wanted, state=State.WAITING))
            letters = [
                row
                for row in waiting
                if (begin is None or _place(row) > begin)
                and (row.expires_at is None or row.expires_at > _moment(batch.now))
            ][: batch.limit]
            self._note(await work(letters) if letters else (), batch.now)
            return letters

    async def dropped(self, dead_letter_id: str, work: Work, reason: str, now: int) -> DeadLetter | None:
        self._ask()
        async with self._lock:
            dead = self._rows.get(dead_letter_id)
            if dead is not None:
                await work(dead)
                self._drop([dead_letter_id], reason, now)
            return dead

    async def dropped_many(self, drop: Drop) -> int:
        self._ask()
        async with self._lock:
            waiting = self._sorted(replace(drop.wanted, state=State.WAITING))[: drop.maximum]
            self._drop([row.dead_letter_id for row in waiting], drop.reason, drop.now)
            return len(waiting)

    def _sorted(self, wanted: DeadLetterFilter) -> list[DeadLetter]:
        return sorted((row for row in self._rows.values() if fits(row, wanted)), key=_place)

    def _note(self, ids: Collection[str], now: int) -> None:
        """And any copy of them."""
        died = {(row.delivery_id, row.redrives) for row in map(self._rows.__getitem__, ids) if row.delivery_id}
        for row in list(self._rows.values()):
            copy = row.state is State.WAITING and (row.delivery_id, row.redrives) in died
            if copy or row.dead_letter_id in ids:
                self._rows[row.dead_letter_id] = replace(row, redriven_at=_moment(now))

    def _drop(self, ids: Collection[str], reason: str, now: int) -> None:
        for each in ids:
            self._rows[each] = replace(
                self._rows[each], dropped_at=_moment(now), drop_reason=reason, key=None, value=None, headers=[]
            )

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("PostgreSQL", "away in memory")


def _place(row: DeadLetter) -> tuple[datetime, str]:
    return row.dead_at, row.dead_letter_id


def _moment(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC)
