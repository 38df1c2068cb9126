"""Every store of dead letters, without any."""

from collections.abc import AsyncIterator
from dataclasses import asdict

import psycopg
import pytest
from psycopg.types.json import Jsonb

from connectors.dead_letters.dead_letter import DeadLetter
from connectors.memory.dead_letters import DeadLettersInMemory
from connectors.postgres.dead_letters import DeadLetterStore
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from tests.connectors.contracts.dead_letter_stores import Add, Store


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.servers)])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Store, Add]]:
    """A store without any, and a way to add one."""
    if request.param == "memory":
        memory = DeadLettersInMemory()
        yield memory, memory.add
        return
    dsn = request.getfixturevalue("database")
    migrate(dsn)
    pool = Pool(dsn, "test", seconds=20)
    await pool.open()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("truncate dead_letters, deliveries")

        def add(dead: DeadLetter) -> None:
            row = {**asdict(dead), "headers": Jsonb(list(dead.headers))}
            names = ", ".join(row)
            connection.execute(
                f"insert into dead_letters ({names}) values ({', '.join(['%s'] * len(row))})", [*row.values()]
            )

        yield DeadLetterStore(pool), add
    await pool.close()
