"""A provider of the run's own: it records what it takes, in which order, and misbehaves when told to.

It shares no code with our senders. What it is asked for tells how it answers: the word at the begin of an address.
"""

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol, cast

from ops.faults.beside import Trouble

ANSWER_SECONDS = 0.005  # as long as a quick provider takes: there is always a call under way
DRIP_SECONDS = 0.5  # a byte
BUSY_CALLS = 2  # the first retry is in the lane, the second parks it
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no orderly end


class Arrival(NamedTuple):
    """One message that the provider took. `subject`: words of its content by which it can be told apart."""

    notification_id: str
    delivery_id: str
    address: str
    subject: str


class Reply(NamedTuple):
    """The answer to one request. `takes`: what the provider took with it. `closes`: the connection ends after it."""

    data: bytes
    takes: Arrival | None = None
    closes: bool = False


class Sink:
    """What all connections share. `unanswered`: taken while in trouble, and the answer did not leave in full."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.unanswered = 0
        self.asked = 0
        self.open: set[Connection] = set()
        self._trouble = Trouble.NONE
        self._busy_calls: Counter[str] = Counter()

    @property
    def trouble(self) -> Trouble:
        return self._trouble

    @trouble.setter
    def trouble(self, trouble: Trouble) -> None:
        hung, self._trouble = self._trouble is Trouble.HANGS, trouble
        if hung and (one := next(iter(self.open), None)):
            one.loop.call_soon_threadsafe(self._cut_all)

    def takes(self, address: str, notification_id: str) -> bool:
        """Whether a message is taken: not to `never...`, and to `busy...` at the third call."""
        if address.startswith("busy"):
            self._busy_calls[notification_id] += 1
            return self._busy_calls[notification_id] > BUSY_CALLS
        return not address.startswith("never")

    def _cut_all(self) -> None:
        for each in list(self.open):
            each.cut()


class Connection(asyncio.Protocol):
    """One connection, on the sink's loop. A protocol says how requests are read (`next_reply`)."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self.received, self._owed = sink, bytearray(), 0
        self.loop = asyncio.get_running_loop()

    def next_reply(self) -> Reply | None:
        """The answer to the next request in `received`; None: it is not all there."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.sink.open.add(self)
        if self.sink.trouble is Trouble.RESETS:
            self.cut()

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.sink.trouble is Trouble.RESETS:
            self.cut()
        elif self.sink.trouble is not Trouble.HANGS:
            self._serve()

    def connection_lost(self, exc: Exception | None) -> None:
        self.sink.open.discard(self)
        self.sink.unanswered += self._owed

    def cut(self) -> None:
        """Reset it."""
        if (raw := self.transport.get_extra_info("socket")) is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def answer(self, data: bytes, closes: bool = False) -> None:
        """A little later."""
        self.loop.call_later(ANSWER_SECONDS, self._write, data, closes)

    def _serve(self) -> None:
        out, closes = b"", False
        while not closes and (reply := self.next_reply()) is not None:
            self.sink.asked += 1
            if reply.takes is not None:
                self.sink.arrivals.append(reply.takes)
                self._owed += self.sink.trouble is not Trouble.NONE
                if self.sink.trouble is Trouble.DROPS:
                    self.transport.abort()
                    return
            out, closes = out + reply.data, reply.closes
        if out:
            self.answer(out, closes)

    def _write(self, data: bytes, closes: bool) -> None:
        if self.transport.is_closing():
            return
        if self.sink.trouble is Trouble.DRIPS and len(data) > 1:
            self.transport.write(data[:1])
            self.loop.call_later(DRIP_SECONDS, self._write, data[1:], closes)
            return
        self.transport.write(data)
        self._owed = 0
        if closes:
            self.transport.close()


class MakeConnection(Protocol):
    """What kind of connections a sink has."""

    def __call__(self, sink: Sink) -> Connection: ...


class _Thread(threading.Thread):
    """Serves a sink on a free loopback port from the moment it is made until `stop`."""

    def __init__(self, sink: Sink, make: MakeConnection) -> None:
        super().__init__(name="sink", daemon=True)
        self._sink, self._make, self._is_up = sink, make, threading.Event()
        self._end: Callable[[], object] = lambda: None
        self.port = 0
        self.start()
        self._is_up.wait(10)

    def run(self) -> None:
        """Serve."""
        asyncio.run(self._serve())

    def stop(self) -> None:
        """Back when the port is free again."""
        self._end()
        self.join(10)

    async def _serve(self) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self._end = lambda: loop.call_soon_threadsafe(over.set)
        server = await loop.create_server(lambda: self._make(self._sink), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_up.set()
        await over.wait()
        server.close()
        for each in list(self._sink.open):
            each.transport.abort()


@contextmanager
def serving(sink: Sink, make: MakeConnection) -> Iterator[int]:
    """Its port, for the length of the block."""
    thread = _Thread(sink, make)
    try:
        yield thread.port
    finally:
        thread.stop()
