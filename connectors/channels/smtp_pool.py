"""A bounded pool of kept SMTP connections."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from connectors.channels.smtp_codes import Ending, Step
from connectors.channels.smtp_connection import CannotConnect, SmtpConnection
from connectors.channels.turns import Turns

_CLOSING = 421
_GOODBYE_SECONDS = 1


class SmtpPool:
    """At most `size` connections; the one used last is used next, so those not needed go idle and are closed."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[SmtpConnection]],
        size: int,
        wait_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._connect = connect
        self._turns = Turns(size)
        self._wait_seconds = wait_seconds
        self._idle_seconds = idle_seconds
        self._idle: deque[tuple[SmtpConnection, float]] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()

    async def carry(self, sender: str, recipient: str, content: bytes) -> Ending:
        """Hand over one mail on a kept or a new connection. Raises nothing a relay can cause."""
        if not self._turns.take() and not await self._turns.wait(self._wait_seconds):
            return Ending(Step.WAIT, None, f"all connections were busy for {self._wait_seconds:g} s")
        try:
            connection = self._take()
            while True:
                fresh = connection is None
                if connection is None:
                    connection = await self._connect()
                try:
                    ending = await connection.carry(sender, recipient, content)
                except BaseException:  # cancelled halfway: nobody knows what the relay waits for
                    connection.abort()
                    raise
                if connection.usable:
                    self._put(connection)
                if fresh or not _was_stale(connection, ending):
                    return ending
                connection = None
        except CannotConnect as error:
            return error.ending
        finally:
            self._turns.give()

    def _take(self) -> SmtpConnection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.usable:
                return connection
        return None

    def _put(self, connection: SmtpConnection) -> None:
        if self._closed:
            connection.close()
            return
        self._idle.append((connection, self._loop.time()))
        if self._reaper is None:
            self._reaper = self._loop.call_later(self._idle_seconds, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        while self._idle and self._idle[0][1] <= self._loop.time() - self._idle_seconds:
            self._idle.popleft()[0].close()
        if self._idle:
            self._reaper = self._loop.call_at(self._idle[0][1] + self._idle_seconds, self._reap)

    async def close(self) -> None:
        """Close what is idle, and what is in use as soon as it comes back."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        idle = [connection for connection, _ in self._idle]
        self._idle.clear()
        for connection in idle:
            connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                for connection in idle:
                    await connection.gone.wait()
        for connection in idle:
            connection.abort()


def _was_stale(connection: SmtpConnection, ending: Ending) -> bool:
    """A kept connection that the relay had given up in the meantime; nothing of the mail has left on it."""
    gone = ending.reply is None or ending.reply.code == _CLOSING
    return ending.step is Step.ENVELOPE and gone and not connection.usable and not connection.timed_out
