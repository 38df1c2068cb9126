"""Waiting for a server that is away: said once, tried again at growing intervals."""

import asyncio

from connectors.unavailable import Unavailable
from ops.telemetry import logs

_FIRST_S = 0.05
_LONGEST_S = 1.0


class Outage:
    """One part's wait for its server. `lasts` while it is away."""

    def __init__(self, consequence: str) -> None:
        self._log = logs.get(part="sender")
        self._consequence = consequence
        self._pause_s = _FIRST_S
        self.lasts = False

    async def wait(self, away: Unavailable) -> None:
        """Until it is worth another try."""
        if not self.lasts:
            self.lasts = True
            self._log.warning(self._consequence, service=away.service, reason=away.reason)
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _LONGEST_S)

    def over(self) -> None:
        """It answered."""
        if self.lasts:
            self.lasts = False
            self._pause_s = _FIRST_S
            self._log.warning("it is back", was=self._consequence)
