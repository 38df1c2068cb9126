"""Writes what the recorder keeps: a batch, one transaction, safe to repeat."""

import json
from collections.abc import Callable
from types import TracebackType
from typing import Self

import psycopg
from psycopg.types.json import Jsonb

from connectors.postgres import queries
from connectors.recording.rows import Row, Rows, newest

_SQL = queries.load("recording")


class RecordingStore:
    """One connection, made anew after a failure. Methods raise psycopg.OperationalError when PostgreSQL is away."""

    def __init__(self, dsn: str) -> None:
        self._connect: Callable[[], psycopg.Connection] = lambda: psycopg.connect(
            dsn, autocommit=True, connect_timeout=5, application_name="tidings-recorder"
        )
        self._connection: psycopg.Connection | None = None

    def write(self, rows: Rows) -> None:
        """All or nothing; the same rows twice change nothing; late statuses move nothing back."""
        connection = self._open()
        with connection.transaction(), connection.cursor() as cursor:
            for name, these in (
                ("write_notifications", rows.notifications),
                ("write_deliveries", newest(rows.deliveries)),
                ("write_attempts", rows.attempts),
            ):
                if these:
                    # one JSON parameter: of the ways measured the fastest for batches of this size (speed.md)
                    cursor.execute(_SQL[name], {"rows": json.dumps(these).replace("\\u0000", "")})
            if rows.dead_letters:
                cursor.executemany(_SQL["write_dead_letter"], [_prepared(row) for row in rows.dead_letters])

    def _open(self) -> psycopg.Connection:
        if self._connection is None or self._connection.broken or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _prepared(row: Row) -> Row:
    """PostgreSQL's text has no NUL; raw bytes keep theirs in `value`."""
    texts = {name: value.replace("\0", "") if isinstance(value, str) else value for name, value in row.items()}
    headers = json.loads(json.dumps(row["headers"]).replace("\\u0000", ""))
    return {**texts, "headers": Jsonb(headers)}
