"""Writes what the recorder keeps: a batch, one transaction, safe to repeat."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from connectors.postgres import queries
from connectors.postgres.recipients import EVENT, outbox_row, stored
from connectors.recording.rows import Row, Rows, newest
from ops.telemetry import metrics
from schemas.codec import Codec
from schemas.headers import cloud_event

_SQL = queries.load("recording")
_RECIPIENTS = queries.load("recipients")
_SOURCE = "/tidings/recorder"
_ENCODED = msgspec.json.Encoder().encode


class RecordingStore:
    """One connection, made anew after a failure. Methods raise psycopg.OperationalError when PostgreSQL is away."""

    def __init__(self, dsn: str, codec: Codec) -> None:
        self._codec = codec
        self._connect: Callable[[], psycopg.Connection] = lambda: psycopg.connect(
            dsn, autocommit=True, connect_timeout=5, application_name="tidings-recorder"
        )
        self._connection: psycopg.Connection | None = None

    def write(self, rows: Rows) -> None:
        """All or nothing; the same rows twice change nothing; late statuses move nothing back."""
        connection = self._open()
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            for name, these in (
                ("write_notifications", rows.notifications),
                ("write_deliveries", newest(rows.deliveries)),
                ("write_attempts", rows.attempts),
            ):
                if these:
                    # one JSON parameter: of the ways measured the fastest for batches of this size (speed.md)
                    cursor.execute(_SQL[name], {"rows": _as_json(these)})
            if rows.dead_letters:
                cursor.executemany(_SQL["write_dead_letter"], [_prepared(row) for row in rows.dead_letters])
            # always in the same order, so that two recorders never wait for each other
            marked = [mark for mark in sorted(rows.marks, key=_recipient_of) if self._mark(cursor, mark)]
        for mark in marked:
            metrics.ADDRESSES_MARKED.labels(mark["channel"]).inc()

    def _mark(self, cursor: psycopg.Cursor[Row], mark: Row) -> bool:
        """Whether it is new: then the change is told like any other of a recipient, and caches are renewed by it."""
        now = mark["occurred_at"]
        reason = (mark["reason"] or "").replace("\0", "")
        row = cursor.execute(_RECIPIENTS["mark_address"], {**mark, "reason": reason, "now": now}).fetchone()
        if row is None:
            return False
        changed = stored(row)
        headers = cloud_event(f"{changed.recipient_id}/{changed.version}", EVENT, _SOURCE, now)
        cursor.execute(_RECIPIENTS["add_to_outbox"], outbox_row(changed, self._codec, headers, now))
        cursor.execute(_RECIPIENTS["wake_relay"])
        return True

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


def _as_json(rows: Sequence[Row]) -> str:
    """PostgreSQL's text has no NUL: it is left out."""
    written = _ENCODED(rows)
    if b"\\u0000" in written:
        written = _ENCODED([{name: _without_nul(value) for name, value in row.items()} for row in rows])
    return written.decode()


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


def _recipient_of(row: Row) -> str:
    return str(row["recipient_id"])


def _prepared(row: Row) -> Row:
    """PostgreSQL's text has no NUL; raw bytes keep theirs in `value`."""
    texts = {name: _without_nul(value) for name, value in row.items()}
    headers = [[_without_nul(part) for part in header] for header in row["headers"]]
    return {**texts, "headers": Jsonb(headers)}
