"""How many provider calls there are at once, and who is let in next."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable


class Gate:
    """At most `width()` inside. Who is urgent passes all others that wait."""

    def __init__(self, width: Callable[[], int]) -> None:
        """`width` may change; tell by `look` when it grew."""
        self._width = width
        self._waiting: deque[asyncio.Future[None]] = deque()  # the next one first
        self.inside = 0

    async def enter(self, urgent: bool) -> None:
        """Returns at once when there is room, without a turn of the loop."""
        if self.inside < self._width() and (urgent or not self._waiting):
            self.inside += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if urgent else self._waiting.append)(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                with contextlib.suppress(ValueError):  # `look` met it first
                    self._waiting.remove(waiter)
            else:
                self.leave()
            raise

    def leave(self) -> None:
        """One that was inside is not any more."""
        self.inside -= 1
        self.look()

    def look(self) -> None:
        """Let in who fits."""
        while self._waiting and self.inside < self._width():
            waiter = self._waiting.popleft()
            if not waiter.done():  # one that was cancelled leaves the line a turn later
                self.inside += 1
                waiter.set_result(None)
