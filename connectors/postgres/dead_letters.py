"""Dead letters as the recorder kept them, and the lock under which one is redriven."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from connectors.http.ports import Cursor, DeadLetterFilter
from connectors.http.states import DeadLetterState
from connectors.postgres import queries
from connectors.postgres.pool import Connection, Pool, Row
from connectors.redrive import DeadLetter

_SQL = queries.load("dead_letters")
_REDRIVE_SECONDS = 6.0  # two records have to be confirmed by Kafka meanwhile


class DeadLetterStore:
    """Every method raises Unavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, wanted: DeadLetterFilter, before: Cursor | None, limit: int) -> Sequence[DeadLetterState]:
        """Newest first, those before the cursor."""
        values: dict[str, Any] = {
            "before_at": before.dead_at if before else None,
            "before_id": before.dead_letter_id if before else None,
            "channel": wanted.channel,
            "kind": wanted.kind,
            "redriven": wanted.redriven,
            "limit": limit,
        }
        return [DeadLetterState(**row) for row in await self._pool.rows(_SQL["page"], values)]

    async def find(self, dead_letter_id: str) -> DeadLetter | None:
        """None: there is none."""
        rows = await self._pool.rows(_SQL["find"], {"dead_letter_id": dead_letter_id})
        return _dead_letter(rows[0]) if rows else None

    async def redriven(
        self, dead_letter_id: str, work: Callable[[DeadLetter], Awaitable[None]], now: int
    ) -> DeadLetter | None:
        """Do `work` while the row is locked, then note the time; what `work` raises leaves it as it was."""

        async def locked(connection: Connection) -> DeadLetter | None:
            async with connection.transaction():
                taken = await connection.execute(_SQL["take"], {"dead_letter_id": dead_letter_id})
                row = await taken.fetchone()
                if row is None:
                    return None
                row["redrives"] = row.pop("redrives_now")
                dead = _dead_letter(row)
                await work(dead)
                await connection.execute(_SQL["note_redriven"], {"dead_letter_id": dead_letter_id, "now": now})
                return dead

        return await self._pool.run(locked, _REDRIVE_SECONDS)


def _dead_letter(row: Row) -> DeadLetter:
    headers = [(str(name), str(value)) for name, value in row["headers"]]
    return DeadLetter(**{**row, "headers": headers})
