"""Ends calls that take too long: one timer for all of them, not one for each."""

import asyncio
import time


class Deadlines:
    """Every call may take equally long, so the oldest one is the next to be over."""

    def __init__(self, seconds: float) -> None:
        """Inside a running loop."""
        self._seconds, self._loop = seconds, asyncio.get_running_loop()
        self._began: dict[asyncio.Task[object], float] = {}  # the oldest first
        self._over: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, now: float) -> asyncio.Task[object]:
        """A call starts in this task, which is canceled when its time is over. `end` it, however it ended.

        `now`: seconds, of time.monotonic.
        """
        task = asyncio.current_task(self._loop)
        assert task is not None
        self._began[task] = now
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)
        return task

    def end(self, task: asyncio.Task[object]) -> None:
        """It has ended."""
        self._began.pop(task, None)
        if task in self._over:
            self._over.discard(task)
            task.uncancel()

    def is_over(self, task: asyncio.Task[object]) -> bool:
        """Whether it was canceled because of its time, and for nothing else."""
        return task in self._over and task.cancelling() == 1

    def _look(self) -> None:
        self._timer = None
        while self._began:
            task, began = next(iter(self._began.items()))
            left = began + self._seconds - time.monotonic()
            if left > 0:
                self._timer = self._loop.call_later(left, self._look)
                return
            del self._began[task]
            self._over.add(task)
            task.cancel()
