"""So many at a time, the others in the order they came."""

import asyncio

from connectors.channels.waiting_line import WaitingLine


class Turns:
    """Used on one event loop, and made on it. Whoever got a turn gives it back."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._loop = asyncio.get_running_loop()
        self._line: WaitingLine[asyncio.Future[bool]] = WaitingLine(_no_turn)

    def take(self) -> bool:
        """A turn if one is free."""
        if self._free:
            self._free -= 1
            return True
        return False

    async def wait(self, seconds: float) -> bool:
        """A turn as soon as one is free; False: there was none in time. Cancelled: there is nothing to give back."""
        waiter: asyncio.Future[bool] = self._loop.create_future()
        self._line.append(waiter, self._loop.time() + seconds)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled() or not waiter.result():
                self._line.remove(waiter)
            else:
                self.give()
            raise

    def give(self) -> None:
        """It goes to who waits longest."""
        while self._line:
            waiter = self._line.pop()
            if not waiter.done():
                waiter.set_result(True)
                return
        self._free += 1


def _no_turn(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)
