"""What PostgreSQL holds in the end, read by plain SQL."""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg


@dataclass(frozen=True, slots=True)
class Kept:
    """`statuses` by delivery id. `dead_letters`: partition and offset of each in its topic, as text."""

    statuses: Mapping[str, str]
    dead_letters: frozenset[str]


def read(dsn: str) -> Kept:
    """Everything. Raises psycopg.Error."""
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        rows = connection.execute("select delivery_id, status from deliveries").fetchall()
        dead = connection.execute("select dead_letter_id from dead_letters").fetchall()
    return Kept({row[0]: row[1] for row in rows}, frozenset(row[0] for row in dead))
