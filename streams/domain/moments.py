"""Moments as text. Within a millisecond many things happen, and all of them have the same."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(1024)
def iso(time_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, such as 2026-11-24T09:30:00.250Z. `time_ms` since 1970-01-01 UTC.

    Raises ValueError for a moment that is in no year from 1 to 9999.
    """
    seconds, rest = divmod(time_ms, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(64)
def _second(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{seconds} seconds from 1970 on is in no year from 1 to 9999") from None
