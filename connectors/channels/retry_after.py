"""The Retry-After header (RFC 9110, 10.2.3): seconds, or a date."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LONGEST = timedelta(hours=24)


def retry_after(value: str | None, now: float) -> timedelta | None:
    """How long to wait, from zero to LONGEST; None: there is none that can be read. `now`: seconds since 1970 UTC."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:12]), LONGEST.total_seconds())), LONGEST)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000" means UTC of unknown origin
        moment = moment.replace(tzinfo=UTC)
    wait = moment - datetime.fromtimestamp(now, UTC)
    return max(timedelta(), min(wait, LONGEST))
