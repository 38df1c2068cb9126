"""Asking Redis for what can also be done without: nobody waits long for it, and while it is away nobody waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import RedisError

from connectors.reachability import Reachability
from connectors.unavailable import Unavailable
from ops.telemetry import logs

REDIS = "Redis"
_PAUSE_S = 0.5
_LOOKS = 8
"""At whether it has answered, each a turn of our loop at least: one that is busy must not pass for a slow Redis."""

T = TypeVar("T")


class Asking:
    """Redis as one process sees it; share it between all that ask the same one. Used on one event loop.

    Who has waited for `wait_s` is told Unavailable, and so is at once, until Redis has answered something, who comes
    then. The call goes on without them as long as the client's own patience lasts: it may still be carried out.
    """

    def __init__(self, wait_s: float | None = None) -> None:
        """`wait_s`: seconds; None: as long as the client waits."""
        self._wait_s = wait_s
        self._reachability = Reachability(REDIS, _PAUSE_S)
        self._is_late = False
        self._under_way: set[asyncio.Task[object]] = set()

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Its answer. Raises Unavailable."""
        begun = self._reachability.begin()
        if self._is_late:
            raise _late()
        return await self._briefly(call, begun)

    async def tell(self, call: Callable[[], Awaitable[T]]) -> T:
        """As ask; what Redis should know is also told to one that is late, without waiting for its answer."""
        return await self._briefly(call, self._reachability.begin())

    async def tell_in_any_case(self, call: Callable[[], Awaitable[T]]) -> T:
        """As tell, also to one that is away."""
        return await self._briefly(call, None)

    async def open(self) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Give up what is still under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _briefly(self, call: Callable[[], Awaitable[T]], begun: float | None) -> T:
        if self._wait_s is None:
            return await self._carried_out(call, begun)
        task = asyncio.get_running_loop().create_task(self._carried_out(call, begun))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        for _ in range(0 if self._is_late else _LOOKS):
            if (await asyncio.wait({task}, timeout=self._wait_s / _LOOKS))[0]:
                return task.result()
        self._is_late = True
        raise _late()

    async def _carried_out(self, call: Callable[[], Awaitable[T]], begun: float | None) -> T:
        try:
            answer = await call()
        except RedisError as error:
            self._reachability.failed(error, begun)
            raise Unavailable(REDIS, str(error)) from error
        finally:
            self._is_late = False  # it has answered, or counts as away from now on
        self._reachability.answered()
        return answer

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Unavailable):  # perhaps nobody waits for it any more
            logs.get(service=REDIS).error("a call broke", error=f"{type(error).__name__} {error}")


def _late() -> Unavailable:
    return Unavailable(REDIS, "answers late")
