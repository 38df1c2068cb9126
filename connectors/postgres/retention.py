"""What is kept only for a time."""

import asyncio

import psycopg

from connectors.postgres import queries
from ops.telemetry import logs
from streams.domain.claim_marks import KEPT

_SQL = queries.load("recording") | queries.load("claims")


async def forget_old_attempts(dsn: str, days: int, every_seconds: float = 3600) -> None:
    """Delete provider calls older than `days` and claims nobody can need any more, again and again, until cancelled."""
    log = logs.get(part="retention")
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=5) as connection:
                done = await connection.execute(_SQL["forget_attempts"], {"days": days})
                log.info("old provider calls forgotten", rows=done.rowcount)
                await connection.execute(_SQL["forget_expired_claims"], {"ttl": KEPT})
        except psycopg.OperationalError as error:
            log.warning("PostgreSQL is away", error=str(error).strip())
        await asyncio.sleep(every_seconds)
