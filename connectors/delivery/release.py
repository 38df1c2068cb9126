"""Moves what is due from the retry partitions into its lanes; asleep until the next due time."""

import asyncio
import contextlib
from collections.abc import Callable

from connectors.delivery.awake import Awake
from connectors.delivery.calling import now_ms
from connectors.delivery.ownership import Ownership


class Release:
    """Also the heart-beat of the loop: it turns at least every TICK_S."""

    TICK_S = 0.5

    def __init__(self, ownership: Ownership, awake: Awake, wake: Callable[[], None], tick: Callable[[], None]) -> None:
        """`wake` is called when something came due, `tick` on every turn."""
        self._ownership, self._awake, self._wake, self._tick = ownership, awake, wake, tick
        self._news = asyncio.Event()

    def nudge(self) -> None:
        """Something was read from a retry topic: it may be due before all we knew of."""
        self._news.set()

    async def run(self) -> None:
        while True:
            self._awake.tick()
            self._tick()
            self._news.clear()
            assignment = self._ownership.assignment
            if assignment.release_due(now_ms()):
                self._wake()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s(assignment.next_due)):
                    await self._news.wait()

    def _pause_s(self, next_due: int | None) -> float:
        if next_due is None:
            return self.TICK_S
        return min(self.TICK_S, max(0.0, (next_due - now_ms()) / 1000))
