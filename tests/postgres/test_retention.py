"""What is kept only for a time is forgotten."""

import asyncio
import contextlib
import time

import psycopg

from connectors.postgres.migrate import migrate
from connectors.postgres.retention import forget_old_attempts


async def test_claims_nobody_can_need_any_more_are_forgotten(database: str) -> None:
    migrate(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "insert into delivery_claims (key, value, written_at) values ('old:0', 's1', now() - interval '8 days'),"
            " ('young:0', 's1', now() - interval '6 days')"
        )
        forgetting = asyncio.create_task(forget_old_attempts(database, days=30))
        deadline = time.monotonic() + 20
        while len(left := connection.execute("select key from delivery_claims").fetchall()) > 1:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        forgetting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await forgetting
    assert left == [(b"young:0",)]
