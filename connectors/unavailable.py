"""A server we stand on does not answer."""

from collections.abc import Mapping
from typing import Any


class Unavailable(Exception):
    """A server is away or too slow: wait and try again. `service` is Kafka, PostgreSQL or Redis."""

    def __init__(self, service: str, reason: str = "") -> None:
        super().__init__(f"{service} is unavailable{f': {reason}' if reason else ''}")
        self.service = service
        self.reason = reason


class SomeUnavailable(Unavailable):
    """The rest of what was asked for cannot be looked up now. `found` is what could be, by key."""

    def __init__(self, away: Unavailable, found: Mapping[str, Any]) -> None:
        super().__init__(away.service, away.reason)
        self.found = found
