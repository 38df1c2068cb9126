"""So many at a time, the others in the order they came."""

import asyncio
from collections import deque
from contextlib import suppress


class Turns:
    """Used on one event loop. Whoever got a turn gives it back. One timer watches over all who wait."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[tuple[asyncio.Future[bool], float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def take(self) -> bool:
        """A turn if one is free."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self, seconds: float) -> bool:
        """A turn as soon as one is free; False: there was none in time. Cancelled: there is nothing to give back."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiting.append((waiter, until))
        self._ring_by(loop, until)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled() or not waiter.result():
                with suppress(ValueError):
                    self._waiting.remove((waiter, until))
            else:
                self.give()
            raise

    def give(self) -> None:
        """It goes to who waits longest."""
        while self._waiting:
            waiter, _ = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(True)
                return
        self._free += 1

    def _ring_by(self, loop: asyncio.AbstractEventLoop, moment: float) -> None:
        if self._timer is not None:
            if self._rings_at <= moment:  # it looks again when it rings
                return
            self._timer.cancel()
        self._rings_at = moment
        self._timer = loop.call_at(moment, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now, still = loop.time(), deque[tuple[asyncio.Future[bool], float]]()
        for waiter, until in self._waiting:
            if until > now:
                still.append((waiter, until))
            elif not waiter.done():
                waiter.set_result(False)
        self._waiting = still
        if still:
            self._ring_by(loop, min(until for _, until in still))
