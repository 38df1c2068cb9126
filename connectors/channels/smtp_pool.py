"""A bounded pool of kept SMTP connections, and the mails that wait for one of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from connectors.channels.smtp_codes import Ending, Step
from connectors.channels.smtp_connect import CannotConnect
from connectors.channels.smtp_connection import PROMPT_SECONDS, Owner, SmtpConnection
from connectors.channels.smtp_mail import Mail
from connectors.channels.waiting_line import WaitingLine

_GOODBYE_SECONDS = 1
_UNFOLLOWED_SECONDS = 600  # for a relay that does not bear an envelope that comes with a content
_CLOSED = Ending(Step.WAIT, None, "the connections were closed")


class SmtpPool(Owner):
    """At most `size` connections; the one used last is used next, so those not needed go idle and are closed.

    Mails wait in the order they came. While all connections are busy, the first one's envelope may go with the content
    of another mail; it comes back, to be the first again, when that mail takes long or the connection breaks. A prompt
    relay is followed so also while connections are idle: a write, a read and a turn of the loop less for each mail.
    """

    def __init__(
        self,
        connect: Callable[[Owner], Awaitable[SmtpConnection]],
        size: int,
        wait_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._connect = connect
        self._size = size
        self._wait_seconds = wait_seconds
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._line: WaitingLine[Mail] = WaitingLine(self._tired)
        self._open = 0  # connections, and those that are being opened
        self._opening: set[asyncio.Task[None]] = set()
        self._idle: deque[tuple[SmtpConnection, float]] = deque()
        self._reaper: asyncio.TimerHandle | None = None
        self._follow_from = 0.0
        self._is_prompt = False  # the relay: who comes may wait for the next content, also if a connection is idle
        self._hurry: asyncio.TimerHandle | None = None
        self._closed = False

    async def carry(self, sender: str, recipient: str, content: bytes) -> Ending:
        """Hand over one mail on a kept or a new connection. Raises nothing a relay can cause."""
        if self._closed:
            return _CLOSED
        now = self._loop.time()
        mail = Mail(sender, recipient, content, self._loop.create_future(), now + self._wait_seconds)
        if self._is_prompt and now >= self._follow_from and len(self._line) < self._busy():
            self._line.append(mail, mail.until)
            self._hurry = self._hurry or self._loop.call_later(PROMPT_SECONDS, self._hand_out)
        elif (connection := self._take()) is not None:
            connection.carry(mail)
        else:
            self._line.append(mail, mail.until)
            self._grow()
        try:
            return await mail.ended
        except asyncio.CancelledError:
            if mail.carrier is not None:
                mail.carrier.forsake(mail)
            else:
                self._line.remove(mail)
            raise

    def follower(self, connection: SmtpConnection) -> Mail | None:
        self._is_prompt = connection.is_prompt
        while self._line and self._line.first.ended.done():
            self._line.pop()
        if self._line and self._line.first.may_follow and self._loop.time() >= self._follow_from:
            return self._line.pop()
        return None

    def free(self, connection: SmtpConnection) -> None:
        self._is_prompt = connection.is_prompt
        if (mail := self._waiting()) is not None:
            connection.carry(mail)
        elif self._closed:
            connection.close()
        else:
            self._idle.append((connection, self._loop.time()))
            if self._reaper is None:
                self._reaper = self._loop.call_later(self._idle_seconds, self._reap)

    def lost(self, connection: SmtpConnection) -> None:
        self._open -= 1
        self._grow()

    def given_back(self, mail: Mail) -> None:
        if self._closed or mail.ended.done():
            mail.end(_CLOSED)
        elif (connection := self._take()) is not None:
            connection.carry(mail)
        else:
            self._line.put_first(mail, mail.until)
            self._grow()

    def not_followed(self) -> None:
        self._follow_from = self._loop.time() + _UNFOLLOWED_SECONDS

    def _busy(self) -> int:
        return self._open - len(self._opening) - len(self._idle)

    def _hand_out(self) -> None:
        """Not so prompt after all; until it answers a content in time."""
        self._hurry = None
        if self._line:
            while self._line and (connection := self._take()) is not None:
                self.free(connection)
            self._grow()
            self._is_prompt = False

    def _waiting(self) -> Mail | None:
        """The first in line; it stands there no more."""
        while self._line:
            mail = self._line.pop()
            if not mail.ended.done():
                return mail
        return None

    def _tired(self, mail: Mail) -> None:
        mail.end(Ending(Step.WAIT, None, f"all connections were busy for {self._wait_seconds:g} s"))

    def _grow(self) -> None:
        """More connections for those who wait."""
        while self._open < self._size and (mail := self._waiting()) is not None:
            self._open += 1
            task = self._loop.create_task(self._open_for(mail))
            self._opening.add(task)
            task.add_done_callback(partial(self._opened, mail))

    async def _open_for(self, mail: Mail) -> None:
        connection = await self._connect(self)
        if mail.ended.done():
            self.free(connection)
        else:
            connection.carry(mail)

    def _opened(self, mail: Mail, task: asyncio.Task[None]) -> None:
        """Or not."""
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None and not task.cancelled():
            return
        self._open -= 1
        if error is None:
            mail.end(_CLOSED)
        elif isinstance(error, CannotConnect):
            mail.end(error.ending)
        elif not mail.ended.done():
            mail.ended.set_exception(error)
        self._grow()

    def _take(self) -> SmtpConnection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.usable:
                return connection
        return None

    def _reap(self) -> None:
        self._reaper = None
        while self._idle and self._idle[0][1] <= self._loop.time() - self._idle_seconds:
            self._idle.popleft()[0].close()
        if self._idle:
            self._reaper = self._loop.call_at(self._idle[0][1] + self._idle_seconds, self._reap)

    async def close(self) -> None:
        """Close what is idle, and what is in use as soon as it is free. Who waits for a connection gets none."""
        self._closed = True
        for timer in (self._reaper, self._hurry):
            if timer is not None:
                timer.cancel()
        while (mail := self._waiting()) is not None:
            mail.end(_CLOSED)
        for task in self._opening:
            task.cancel()
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
