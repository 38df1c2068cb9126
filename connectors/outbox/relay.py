"""The outbox to Kafka: what was committed with a row is published in the order it was committed, at least once.

One relay works at a time (advisory lock); others stand by. A row is deleted when its record is confirmed and the
recipient's cache entry is renewed, so an opt-out reaches the router and the senders whatever dies in between.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from connectors.outgoing import Outgoing
from connectors.postgres import queries
from connectors.unavailable import Unavailable
from ops.telemetry import logs, metrics
from ops.telemetry.health import Health

CHANNEL = "tidings_outbox"
_SQL = queries.load("outbox")

Row = dict[str, Any]
Publish = Callable[[Sequence[Outgoing]], None]
Refresh = Callable[[Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RelayPolicy:
    """`look_every_seconds` bounds the delay when a notice of PostgreSQL is missed."""

    dsn: str
    batch: int = 500
    look_every_seconds: float = 1.0
    retry_seconds: float = 1.0


class Relay:
    """`publish` returns when all records are confirmed, `refresh` renews the cache of these recipients.

    Both raise Unavailable when they could not.
    """

    def __init__(self, policy: RelayPolicy, publish: Publish, refresh: Refresh, health: Health) -> None:
        self._policy, self._publish, self._refresh, self._health = policy, publish, refresh, health
        self._log = logs.get(part="relay")

    async def run(self) -> None:
        """Until cancelled. Servers that are away are waited for."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._policy.dsn,
                    autocommit=True,
                    row_factory=dict_row,
                    connect_timeout=5,
                    application_name="tidings-relay",
                ) as connection:
                    await self._lead(connection)
            except (psycopg.OperationalError, Unavailable) as error:
                self._health.state = "waiting"
                self._log.warning("relay waits", error=str(error).strip())
                await asyncio.sleep(self._policy.retry_seconds)

    async def _lead(self, connection: psycopg.AsyncConnection[Row]) -> None:
        await connection.execute(f"listen {CHANNEL}")
        while not await self._one(connection, "lead", "pg_try_advisory_lock"):
            self._health.state = "ready"  # standing by is what a second scheduler is for
            await asyncio.sleep(self._policy.look_every_seconds)
        self._log.info("relay leads")
        while True:
            relayed = await self._relay(connection)
            self._health.state = "ready"
            if not relayed:
                async for _ in connection.notifies(timeout=self._policy.look_every_seconds, stop_after=1):
                    pass

    async def _one(self, connection: psycopg.AsyncConnection[Row], query: str, column: str) -> Any:
        row = await (await connection.execute(_SQL[query])).fetchone()
        assert row is not None
        return row[column]

    async def _relay(self, connection: psycopg.AsyncConnection[Row]) -> int:
        rows = await (await connection.execute(_SQL["next_rows"], {"limit": self._policy.batch})).fetchall()
        # before the publishing, which may fail: what waits must show just then
        waiting = len(rows) if len(rows) < self._policy.batch else await self._one(connection, "waiting", "count")
        metrics.OUTBOX_WAITING.set(waiting)
        if not rows:
            return 0
        # not confirmed: the same rows are published again, in order
        await asyncio.to_thread(self._publish, [_record(row) for row in rows])
        await self._refresh(list(dict.fromkeys(row["key"] for row in rows)))
        await connection.execute(_SQL["forget_rows"], {"ids": [row["outbox_id"] for row in rows]})
        for row in rows:
            metrics.RELAYED.labels(row["topic"]).inc()
        metrics.OUTBOX_WAITING.dec(len(rows))
        return len(rows)


def _record(row: Row) -> Outgoing:
    headers = [(name, value.encode()) for name, value in row["headers"].items()]
    return Outgoing(row["topic"], row["key"].encode(), row["value"], headers)
