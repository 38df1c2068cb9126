"""Moments as text. Within a millisecond many things happen, and all of them have the same."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(4096)
def iso(time_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, such as 2026-11-24T09:30:00.250Z. `time_ms` since 1970-01-01 UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
