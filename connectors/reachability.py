"""Whether a server answers: logged once per change, and while it is away only asked now and then."""

import time
from collections.abc import Callable

from connectors.unavailable import Unavailable
from ops.telemetry import logs


class Reachability:
    """One server as one process sees it.

    While it is away one caller per `pause_seconds` may try it; the others need not wait to hear that it is away.
    """

    def __init__(
        self, service: str, pause_seconds: float = 0.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.service = service
        self._pause = pause_seconds
        self._now = monotonic
        self._failed_at: float | None = None
        self._answered_at = monotonic()
        self._why = ""

    def begin(self) -> float:
        """Before a call: when it begins, for failed(). Raises Unavailable if it is not this caller's turn to try."""
        now = self._now()
        if self._failed_at is not None:
            if now - self._failed_at < self._pause:
                raise Unavailable(self.service, self._why)
            self._failed_at = now
        return now

    def failed(self, error: object, begun: float | None = None) -> None:
        """A call failed. If another one that ended after `begun` went well, it was that call and not the server."""
        if begun is not None and self._answered_at > begun:
            return
        self._why = str(error).strip()
        if self._failed_at is None:
            logs.get(service=self.service).warning("server is away", error=self._why)
        self._failed_at = self._now()

    def answered(self) -> None:
        """A call went well."""
        self._answered_at = self._now()
        if self._failed_at is not None:
            logs.get(service=self.service).warning("server is back")
        self._failed_at = None
