"""Connections to HTTP servers, kept for the next request to the same origin."""

import asyncio
from collections.abc import Awaitable, Callable

from connectors.channels.http_answer import Answer, Fault, NoAnswer
from connectors.channels.http_connection import HttpConnection
from connectors.channels.http_url import Origin
from connectors.channels.turns import Turns

Connect = Callable[[Origin, float], Awaitable[HttpConnection]]


class HttpPool:
    """At most `size` in use and as many idle; of an origin the one used last is used next.

    No request is sent twice: a kept connection is known to be gone, then another one is taken; or the request leaves,
    and then nobody knows whether it arrived.
    """

    def __init__(self, connect: Connect, size: int, idle_seconds: float) -> None:
        """`connect(origin, seconds)`: opens one or raises NoAnswer."""
        self._connect = connect
        self._turns = Turns(size)
        self._size = size
        self._idle_seconds = idle_seconds
        self._by_origin: dict[Origin, dict[HttpConnection, None]] = {}
        self._idle: dict[HttpConnection, tuple[Origin, float]] = {}  # the longest idle first
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    async def exchange(self, origin: Origin, request: bytes, seconds: float) -> Answer:
        """One request and its answer, within so many seconds in all. Raises NoAnswer."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        if not self._turns.take() and not await self._turns.wait(seconds):
            raise NoAnswer(Fault.TOO_LATE)
        try:
            connection = self._take(origin)
            if connection is None:
                connection = await self._connect(origin, until - clock())
            answer = await connection.exchange(request, until - clock())
            if connection.usable:
                self._put(origin, connection)
            return answer
        finally:
            self._turns.give()

    def _take(self, origin: Origin) -> HttpConnection | None:
        kept = self._by_origin.get(origin)
        while kept:
            connection, _ = kept.popitem()
            del self._idle[connection]
            if not kept:
                del self._by_origin[origin]
            if connection.usable:
                return connection
        return None

    def _put(self, origin: Origin, connection: HttpConnection) -> None:
        if self._closed:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        self._by_origin.setdefault(origin, {})[connection] = None
        self._idle[connection] = (origin, loop.time())
        if len(self._idle) > self._size:
            self._drop_oldest()
        if self._reaper is None:
            self._reaper = loop.call_later(self._idle_seconds, self._reap)

    def _drop_oldest(self) -> None:
        connection = next(iter(self._idle))
        origin, _ = self._idle.pop(connection)
        kept = self._by_origin[origin]
        del kept[connection]
        if not kept:
            del self._by_origin[origin]
        connection.close()

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = None
        while self._idle:
            rings_at = next(iter(self._idle.values()))[1] + self._idle_seconds
            if rings_at > loop.time():
                self._reaper = loop.call_at(rings_at, self._reap)
                return
            self._drop_oldest()

    async def close(self) -> None:
        """Close what is idle, and what is in use as soon as it comes back."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
        self._by_origin.clear()
        await asyncio.sleep(0)  # then the loop has let go of them
