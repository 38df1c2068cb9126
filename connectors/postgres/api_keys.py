"""API keys in PostgreSQL."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from connectors import api_key
from connectors.postgres import queries
from connectors.postgres.pool import Pool, Row

_SQL = queries.load("api_keys")
_Rows = list[Row]


class ApiKeyReader:
    """For the API. Raises Unavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def secret_hash(self, key_id: str) -> bytes | None:
        """SHA-256 of the secret of a live key; None: there is none."""
        rows = await self._pool.rows(_SQL["find"], {"key_id": key_id})
        return bytes(rows[0]["secret_hash"]) if rows else None


class ApiKeys:
    """For the command line: synchronous, a connection for each call. Raises psycopg.OperationalError."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def create(self, name: str) -> str:
        """Make a key; what is returned cannot be had again."""
        made = api_key.make()
        self._run("add", {"key_id": made.key_id, "name": name, "secret_hash": api_key.hash_of(made.secret)})
        return made.text

    def list(self) -> _Rows:
        """Every key, oldest first: key_id, name, created_at, revoked_at."""
        return self._run("list", {})

    def revoke(self, key_id: str) -> bool:
        """Take a key back; False: there is no live key with this id."""
        return bool(self._run("revoke", {"key_id": key_id}))

    def _run(self, query: str, values: dict[str, Any]) -> _Rows:
        with psycopg.connect(self._dsn, autocommit=True, row_factory=dict_row, connect_timeout=5) as connection:
            done = connection.execute(_SQL[query], values)
            return done.fetchall() if done.description else []
