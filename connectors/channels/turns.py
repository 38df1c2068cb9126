"""So many at a time, the others in the order they came."""

import asyncio
from collections import deque
from contextlib import suppress


class Turns:
    """Used on one event loop. Whoever got a turn gives it back."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[bool]] = deque()

    def take(self) -> bool:
        """A turn if one is free."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self, seconds: float) -> bool:
        """A turn as soon as one is free; False: there was none in time. Cancelled: there is nothing to give back."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(seconds, _too_late, waiter)
        self._waiting.append(waiter)
        try:
            got = await waiter
        except asyncio.CancelledError:
            if waiter.cancelled() or not waiter.result():
                self._forget(waiter)
            else:
                self.give()
            raise
        finally:
            timer.cancel()
        if not got:
            self._forget(waiter)
        return got

    def give(self) -> None:
        """It goes to who waits longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(True)
                return
        self._free += 1

    def _forget(self, waiter: asyncio.Future[bool]) -> None:
        with suppress(ValueError):
            self._waiting.remove(waiter)


def _too_late(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
