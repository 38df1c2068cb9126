"""A small pool of connections to PostgreSQL that comes up when PostgreSQL does and never makes a caller wait long."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from connectors.reachability import Reachability
from connectors.unavailable import Unavailable

Row = dict[str, Any]
Connection = psycopg.AsyncConnection[Row]
T = TypeVar("T")

_NOT_MIGRATED = (errors.UndefinedTable, errors.UndefinedColumn)
_CANNOT = (errors.ReadOnlySqlTransaction, errors.QueryCanceled)  # it answers, and others may fare better
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError)
_PAUSE_SECONDS = 1.0


class Pool:
    """`seconds`: how long one piece of work may take, the wait for a connection included."""

    def __init__(self, dsn: str, name: str, size: int = 4, seconds: float = 1.5) -> None:
        self._seconds = seconds
        self._reachability = Reachability("PostgreSQL", pause_seconds=_PAUSE_SECONDS)
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # a line for each attempt; Reachability says it once
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            dsn,
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "connect_timeout": 2,
                "application_name": name,
            },
            min_size=1,
            max_size=size,
            open=False,
            configure=self._configure,
            timeout=seconds,
            reconnect_timeout=1.0,  # not longer: the next request starts a new attempt, and waits are doubled
            name=name,
        )

    async def open(self) -> None:
        """Start connecting, without waiting for it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give back the connections."""
        await self._pool.close(timeout=2.0)

    async def run(self, work: Callable[[Connection], Awaitable[T]], seconds: float | None = None) -> T:
        """Do `work` on a connection in autocommit mode (use `connection.transaction()` for more than one statement).

        `seconds`: for work that also waits for others. Raises Unavailable when PostgreSQL is away, hangs, only reads
        or is not migrated.
        """
        begun = self._reachability.begin()
        try:
            result = await self._in_time(work, seconds or self._seconds)
        except _NOT_MIGRATED as error:
            raise Unavailable("PostgreSQL", "not migrated: run `tidings migrate`") from error
        except _CANNOT as error:
            raise Unavailable("PostgreSQL", str(error).strip()) from error
        except _AWAY as error:
            self._reachability.failed(error, begun)
            raise Unavailable("PostgreSQL", str(error).strip()) from error
        self._reachability.answered()
        return result

    async def _in_time(self, work: Callable[[Connection], Awaitable[T]], seconds: float) -> T:
        task = asyncio.ensure_future(self._on_connection(work))
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                # not awaited: cancelling a query asks the server first, and it may hang
                task.cancel()
                task.add_done_callback(_forget)
        if not task.done():
            raise psycopg.OperationalError(f"no answer within {seconds:g} s")
        return task.result()

    async def rows(self, statement: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of one statement. Raises Unavailable."""

        async def work(connection: Connection) -> Sequence[Row]:
            return await (await connection.execute(statement, values)).fetchall()

        return await self.run(work)

    async def _on_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """After a restart of PostgreSQL every connection is broken: take the next one until one works.

        The pool's own check would wait a second after each broken one. Bounded by the deadline in _in_time.
        """
        while True:
            async with self._pool.connection() as connection:
                if await _works(connection):
                    return await work(connection)

    async def _configure(self, connection: Connection) -> None:
        await connection.execute(f"set statement_timeout = {int(self._seconds * 800)}")


async def _works(connection: Connection) -> bool:
    try:
        await connection.execute("")
    except psycopg.OperationalError:
        return False
    return True


def _forget(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
