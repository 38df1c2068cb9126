"""A deadline set anew for every call: one timer for many of them, as making and cancelling one each costs."""

import asyncio
from collections.abc import Callable


class Patience:
    """Calls `expired` when it was begun and not ended for so many seconds. Used on one event loop."""

    def __init__(self, expired: Callable[[], None]) -> None:
        self._expired = expired
        self._loop = asyncio.get_running_loop()  # each question for it costs a system call before Python 3.12
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def begin(self, seconds: float) -> None:
        """From now on; what was begun before counts no more."""
        self._until = self._loop.time() + seconds
        if self._timer is not None:
            if self._rings_at <= self._until:  # it looks again when it rings
                return
            self._timer.cancel()
        self._set(self._until)

    def end(self) -> None:
        """In time."""
        self._until = None

    def stop(self) -> None:
        """For good: nothing is left in the loop."""
        self._until = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, moment: float) -> None:
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._until is None:
            return
        if self._loop.time() >= self._until:
            self._until = None
            self._expired()
        else:
            self._set(self._until)
