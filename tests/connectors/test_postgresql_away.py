"""The pool of connections while PostgreSQL is not there, hangs or comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from connectors.postgres.migrate import migrate, newest
from connectors.postgres.pool import Connection, Pool
from connectors.postgres.readiness import Migrated, needed_version
from connectors.unavailable import Unavailable
from ops.devstack import Endpoints
from tests.connectors.wire import Wire, closed_port


@asynccontextmanager
async def pool_at(dsn: str, seconds: float = 1.5) -> AsyncIterator[Pool]:
    pool = Pool(dsn, "test", seconds=seconds)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


async def answers(pool: Pool) -> bool:
    try:
        return bool(await pool.rows("select 1 as one", {}) == [{"one": 1}])
    except Unavailable:
        return False


async def until_it_answers(pool: Pool, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await answers(pool):
            await asyncio.sleep(0.05)


async def test_a_server_that_is_not_there_makes_nobody_wait_long() -> None:
    async with pool_at(f"postgresql://u:p@127.0.0.1:{closed_port()}/d", 0.5) as pool:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            await pool.rows("select 1", {})
        assert caught.value.service == "PostgreSQL"
        assert time.monotonic() - began < 2


async def test_opened_before_the_server_is_there_it_comes_up_with_it(servers: Endpoints) -> None:
    async with Wire(servers.postgres_dsn) as wire, pool_at(wire.url, 0.5) as pool:
        assert not await answers(pool)
        await wire.mend()
        await until_it_answers(pool)


async def test_after_a_cut_the_first_call_that_can_be_answered_is_answered(servers: Endpoints) -> None:
    async with Wire(servers.postgres_dsn) as wire:
        await wire.mend()
        async with pool_at(wire.url) as pool:
            await until_it_answers(pool)
            await asyncio.gather(*(pool.rows("select pg_sleep(0.05)", {}) for _ in range(4)))  # four connections
            await wire.cut()
            await wire.mend()
            assert [await answers(pool) for _ in range(8)] == [True] * 8


async def test_a_server_that_hangs_is_given_up_in_time_and_used_again_when_it_moves_on(servers: Endpoints) -> None:
    async with Wire(servers.postgres_dsn) as wire:
        await wire.mend()
        async with pool_at(wire.url, 0.5) as pool:
            await until_it_answers(pool)
            wire.hanging = True
            began = time.monotonic()
            assert not await answers(pool)
            assert time.monotonic() - began < 2
            wire.hanging = False
            await until_it_answers(pool)


async def test_a_statement_that_takes_too_long_is_given_up_and_keeps_nobody_else_waiting(servers: Endpoints) -> None:
    async with pool_at(servers.postgres_dsn, 1.0) as pool:
        await until_it_answers(pool)
        with pytest.raises(Unavailable, match="statement timeout"):
            await pool.rows("select pg_sleep(5)", {})
        assert await answers(pool)


async def test_while_it_is_away_most_callers_hear_so_at_once() -> None:
    async with pool_at(f"postgresql://u:p@127.0.0.1:{closed_port()}/d", 0.5) as pool:
        assert not await answers(pool)
        began = time.monotonic()
        assert not any([await answers(pool) for _ in range(500)])
        assert time.monotonic() - began < 5  # 250 if each waited as long as the first one


async def test_a_read_only_server_cannot_do_the_work(servers: Endpoints, database: str) -> None:
    migrate(database)

    async def work(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("set transaction read only")
            await connection.execute("delete from outbox")

    async with pool_at(database, 20) as pool:
        with pytest.raises(Unavailable):
            await pool.run(work)


async def test_a_database_that_is_not_migrated_is_not_ready_and_says_what_to_do(servers: Endpoints) -> None:
    async with pool_at(servers.postgres_dsn, 20) as pool:
        with pytest.raises(Unavailable, match="tidings migrate"):
            await Migrated(pool).check()
        with pytest.raises(Unavailable, match="tidings migrate"):
            await pool.rows("select * from recipients", {})


def test_the_version_that_is_needed_is_the_one_that_migrating_leads_to() -> None:
    assert needed_version() == newest()


async def test_a_migrated_database_is_ready(servers: Endpoints, database: str) -> None:
    migrate(database)
    async with pool_at(database, 20) as pool:
        await Migrated(pool).check()
