"""Who waits for something, in order, each no longer than it wants to."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class WaitingLine(Generic[T]):
    """`tired` is told of each that has waited long enough and stands here no more. One timer watches over all.

    Used on one event loop, and made on it. Times are of its clock, in seconds.
    """

    def __init__(self, tired: Callable[[T], None]) -> None:
        self._tired = tired
        self._loop = asyncio.get_running_loop()  # each question for it costs a system call before Python 3.12
        self._waiting: deque[tuple[T, float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def first(self) -> T:
        """Whose turn is next; IndexError: nobody waits."""
        return self._waiting[0][0]

    def append(self, one: T, until: float) -> None:
        """It comes after all others."""
        self._waiting.append((one, until))
        self._ring_by(until)

    def put_first(self, one: T, until: float) -> None:
        """It comes before all others."""
        self._waiting.appendleft((one, until))
        self._ring_by(until)

    def pop(self) -> T:
        """Whoever is first stands here no more; IndexError: nobody waits."""
        return self._waiting.popleft()[0]

    def remove(self, one: T) -> None:
        """Wherever it stands, if it does."""
        with suppress(StopIteration):
            self._waiting.remove(next(entry for entry in self._waiting if entry[0] is one))

    def _ring_by(self, moment: float) -> None:
        if self._timer is not None:
            if self._rings_at <= moment:  # it looks again when it rings
                return
            self._timer.cancel()
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now, everybody = self._loop.time(), self._waiting
        self._waiting = deque(entry for entry in everybody if entry[1] > now)
        if self._waiting:
            self._ring_by(min(until for _, until in self._waiting))
        for one, until in everybody:
            if until <= now:
                self._tired(one)
