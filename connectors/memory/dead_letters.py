"""Dead letters in memory. `away = True`: as if PostgreSQL did not answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime

from connectors.http.ports import Cursor, DeadLetterFilter
from connectors.http.states import DeadLetterState
from connectors.redrive import DeadLetter
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
        self._ask()
        rows = sorted(self._rows.values(), key=lambda row: (row.dead_at, row.dead_letter_id), reverse=True)
        after = [
            row
            for row in rows
            if before is None or (row.dead_at, row.dead_letter_id) < (before.dead_at, before.dead_letter_id)
        ]
        return [_state(row) for row in after if _fits(row, wanted)][:limit]

    async def find(self, dead_letter_id: str) -> DeadLetter | None:
        self._ask()
        return self._rows.get(dead_letter_id)

    async def redriven(
        self, dead_letter_id: str, work: Callable[[DeadLetter], Awaitable[None]], now: int
    ) -> DeadLetter | None:
        self._ask()
        async with self._lock:
            dead = self._rows.get(dead_letter_id)
            if dead is None:
                return None
            taken = dead if dead.redriven_at is None else replace(dead, redrives=dead.redrives + 1)
            await work(taken)
            self._rows[dead_letter_id] = replace(dead, redriven_at=datetime.fromtimestamp(now / 1000, UTC))
            return taken

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("PostgreSQL", "away in memory")


def _fits(row: DeadLetter, wanted: DeadLetterFilter) -> bool:
    return (
        wanted.channel in (None, row.channel)
        and wanted.kind in (None, row.kind)
        and wanted.redriven in (None, row.redriven_at is not None)
    )


def _state(row: DeadLetter) -> DeadLetterState:
    return DeadLetterState(**{each.name: getattr(row, each.name) for each in fields(DeadLetterState)})
