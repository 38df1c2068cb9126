"""Dead letters as the recorder kept them, and the locks under which they are redriven and dropped."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from connectors.dead_letters.dead_letter import Cursor, DeadLetter
from connectors.dead_letters.ports import Batch, Drop, Work, WorkMany
from connectors.dead_letters.stats import AT_MOST, DIMENSIONS, Count, DeadLetterStats, most_first
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.http.states import DeadLetterState
from connectors.postgres import queries
from connectors.postgres.pool import Connection, Pool, Row

_SQL = queries.load("dead_letters")
_REDRIVE_SECONDS = 6.0  # two records have to be confirmed by Kafka meanwhile
_PAGE_SECONDS = 5.0  # a part of the reason has no index
_COUNT_SECONDS = 20.0  # all of the table may have to be read
T = TypeVar("T")


class DeadLetterStore:
    """Every method raises Unavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> Sequence[DeadLetterState]:
        """Newest first, those before the cursor, without their records."""
        return [
            DeadLetterState.of(row) for row in await self._rows("page", _page(wanted, before, limit), _PAGE_SECONDS)
        ]

    async def letters(self, wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> Sequence[DeadLetter]:
        """Newest first, those before the cursor, with their records."""
        return [_dead_letter(row) for row in await self._rows("letters", _page(wanted, before, limit), _PAGE_SECONDS)]

    async def stats(self, wanted: DeadLetterFilter, now: int) -> DeadLetterStats:
        """How many, of what, since when."""
        values = {**asdict(wanted), "now": now, "at_most": AT_MOST}
        rows = await self._rows("stats", values, _COUNT_SECONDS)
        (everything,) = (row for row in rows if row["dimension"] == "all")
        counts = {
            name: most_first(Count(row["value"], row["count"]) for row in rows if row["dimension"] == name)
            for name in DIMENSIONS
        }
        total, expired = everything["count"], everything["expired"]
        return DeadLetterStats(total, expired, everything["oldest"], everything["newest"], **counts)

    async def find(self, dead_letter_id: str) -> DeadLetter | None:
        """None: there is none."""
        rows = await self._pool.rows(_SQL["find"], {"dead_letter_id": dead_letter_id})
        return _dead_letter(rows[0]) if rows else None

    async def redriven(self, dead_letter_id: str, work: Work, now: int) -> DeadLetter | None:
        """Do `work` while the row is locked, then note the time; what `work` raises leaves it as it was."""

        async def locked(connection: Connection) -> DeadLetter | None:
            dead = await _taken(connection, dead_letter_id)
            if dead is not None:
                await work(dead)
                await connection.execute(_SQL["note_redriven"], {"ids": [dead_letter_id], "now": now})
            return dead

        return await self._locked(locked)

    async def redriven_many(self, batch: Batch, work: WorkMany) -> Sequence[DeadLetter]:
        """Do `work` while the rows are locked, then note the time of those whose ids it returned."""
        after = batch.after
        values = {
            **asdict(batch.wanted),
            "now": batch.now,
            "limit": batch.limit,
            "after_at": after.dead_at if after else None,
            "after_id": after.dead_letter_id if after else None,
        }

        async def locked(connection: Connection) -> Sequence[DeadLetter]:
            letters = [_dead_letter(row) for row in await _read(connection, "take_many", values)]
            done = await work(letters) if letters else ()
            if done:
                await connection.execute(_SQL["note_redriven"], {"ids": [*done], "now": batch.now})
            return letters

        return await self._locked(locked)

    async def dropped(self, dead_letter_id: str, work: Work, reason: str, now: int) -> DeadLetter | None:
        """Do `work` while the row is locked, then forget its record; what `work` raises leaves it as it was."""

        async def locked(connection: Connection) -> DeadLetter | None:
            dead = await _taken(connection, dead_letter_id)
            if dead is not None:
                await work(dead)
                await _drop(connection, [dead_letter_id], reason, now)
            return dead

        return await self._locked(locked)

    async def dropped_many(self, drop: Drop) -> int:
        """How many were given up."""

        async def locked(connection: Connection) -> int:
            rows = await _read(connection, "to_drop", {**asdict(drop.wanted), "limit": drop.maximum})
            return await _drop(connection, [row["dead_letter_id"] for row in rows], drop.reason, drop.now)

        return await self._locked(locked)

    async def _locked(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """In one transaction."""

        async def run(connection: Connection) -> T:
            async with connection.transaction():
                await _have_time(connection, _PAGE_SECONDS)
                return await work(connection)

        return await self._pool.run(run, _REDRIVE_SECONDS)

    async def _rows(self, name: str, values: Mapping[str, Any], seconds: float) -> Sequence[Row]:
        """Of a query that may read much."""

        async def work(connection: Connection) -> Sequence[Row]:
            async with connection.transaction():
                await _have_time(connection, seconds)
                return await _read(connection, name, values)

        return await self._pool.run(work, seconds)


async def _have_time(connection: Connection, seconds: float) -> None:
    """For the statements of this transaction; others are ended sooner."""
    await connection.execute(_SQL["have_time"], {"ms": str(int(seconds * 1000))})


async def _read(connection: Connection, name: str, values: Mapping[str, Any]) -> Sequence[Row]:
    """Never a prepared statement: only a plan that knows the values leaves out the filters that are not used."""
    statement = _SQL[name].replace("{wanted}", _SQL["wanted"])
    return await (await connection.execute(statement, values, prepare=False)).fetchall()


async def _taken(connection: Connection, dead_letter_id: str) -> DeadLetter | None:
    row = await (await connection.execute(_SQL["take"], {"dead_letter_id": dead_letter_id})).fetchone()
    if row is None:
        return None
    redrives = row.pop("redrives_now")
    return replace(_dead_letter(row), redrives=redrives)


async def _drop(connection: Connection, ids: Sequence[str], reason: str, now: int) -> int:
    done = await connection.execute(_SQL["drop"], {"ids": [*ids], "drop_reason": reason, "now": now})
    return done.rowcount


def _page(wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> dict[str, Any]:
    return {
        **asdict(wanted),
        "limit": limit,
        "before_at": before.dead_at if before else None,
        "before_id": before.dead_letter_id if before else None,
    }


def _dead_letter(row: Row) -> DeadLetter:
    headers = [(str(name), str(value)) for name, value in row["headers"]]
    return DeadLetter(**{**row, "headers": headers})
