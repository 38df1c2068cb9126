"""How many provider calls there are at once, and who is called next."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from connectors.delivery.fail_stop import fail_stop

_TURN_S = 0.0005  # calls that start in a row; then the loop turns: answers that came, and what is urgent
_AT_A_TIME = 8  # tasks that start in one turn, for the same reason

T = TypeVar("T")


class Gate(Generic[T]):
    """Calls for what stands in line, at most `width` and `more()` side by side. Who is urgent passes all others.

    A task goes on from one call to the next, and waits when nobody stands in line: one for each call would cost more
    than the rest of a start.
    """

    def __init__(self, width: int, more: Callable[[], int], call: Callable[[T], Awaitable[None] | None]) -> None:
        """`more` may change; tell by `look` when it grew. `call` gives None when it comes to none; what it raises ends
        the process."""
        self._width, self._more, self._call = width, more, call
        self._loop = asyncio.get_running_loop()
        self._urgent: deque[T] = deque()
        self._others: deque[T] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []  # tasks that wait for somebody
        self._coming = 0  # tasks that will take one as soon as the loop comes to them
        self._turn_ends = 0.0  # 0: nothing has started in this turn of the loop

    @property
    def inside(self) -> int:
        """At most so many calls are under way."""
        return len(self._tasks) - len(self._idle)

    def put(self, some: Iterable[T], urgent: bool) -> None:
        """They stand in line, and start as there is room."""
        (self._urgent if urgent else self._others).extend(some)
        self.look()

    def look(self) -> None:
        """Let in who fits."""
        waiting = len(self._urgent) + len(self._others)
        room = min(self._width + self._more() - self.inside, waiting - self._coming, _AT_A_TIME - self._coming)
        for _ in range(room):
            self._coming += 1
            if self._idle:
                self._idle.pop().set_result(None)
                continue
            task = self._loop.create_task(self._go_through())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def abandon(self) -> None:
        """Cancel the calls that still run. Who stands in line is let in next: `call` has to know of it."""
        tasks, self._coming = list(self._tasks), 0  # those that were coming will not come
        self._idle.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _go_through(self) -> None:
        """One call after the other, till there is no room any more."""
        while True:
            line = self._urgent or self._others
            if line and self._turn_is_over():
                await asyncio.sleep(0)
                continue
            self._coming -= 1
            if not line:
                self._idle.append(waiter := self._loop.create_future())
                await waiter
                continue
            call = self._call(line.popleft())
            if call is not None:
                await call
            too_many = len(self._tasks) - len(self._idle) - self._width
            if too_many > 0 and too_many > self._more():
                return
            self._coming += 1

    def _turn_is_over(self) -> bool:
        now = time.perf_counter()
        if not self._turn_ends:
            self._turn_ends = now + _TURN_S
            self._loop.call_soon(self._new_turn)
        return now > self._turn_ends

    def _new_turn(self) -> None:
        self._turn_ends = 0.0
        self.look()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            fail_stop(error)
        self.look()
