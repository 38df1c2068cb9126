"""Notices that this process stood still (SIGSTOP, a paused machine, a blocked loop)."""

import time
from datetime import timedelta

from connectors.delivery.fail_stop import fail_stop


class Awake:
    """While we stood still the group may have given our lanes away: we would send beside their new owner."""

    def __init__(self, frozen_after: timedelta) -> None:
        self._frozen_after_s = frozen_after.total_seconds()
        self.at = time.monotonic()

    def check(self) -> None:
        """Asked before provider calls. Stops the process if the loop stood still too long."""
        stood_still_s = time.monotonic() - self.at
        if stood_still_s > self._frozen_after_s:
            fail_stop(f"stood still for {stood_still_s:.1f} s: this process may be a zombie")

    def tick(self) -> None:
        """The loop is running; called every `Release.TICK_S`, far more often than `frozen_after`."""
        self.check()
        self.at = time.monotonic()
