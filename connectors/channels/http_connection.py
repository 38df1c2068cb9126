"""One connection to an HTTP/1.1 server, used for many requests, one at a time (RFC 9112)."""

import asyncio
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from connectors.channels.http_answer import Answer, Fault, NoAnswer
from connectors.channels.patience import Patience

ANSWER_BYTES = 64 * 1024
"""More of a body is not read: the rest of a long answer is not worth a kept connection."""

HEAD_BYTES = 64 * 1024
"""A longer head, with all the answers of 1xx before it, is not HTTP to us."""

_SWITCHING = 101


class HttpConnection(asyncio.Protocol):
    """What has been answered stays answered: once the status is known, a body that breaks, never ends or is not HTTP
    is cut short, and the connection is not used again."""

    def __init__(self) -> None:
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._patience = Patience(self._expire)
        self._waiter: asyncio.Future[Answer] | None = None
        self._lost = False
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._status = 0
        self._retry_after: str | None = None
        self._body = bytearray()
        self._received = 0
        self._complete = False

    @property
    def usable(self) -> bool:
        """Whether another request can be tried on it, as far as is known."""
        return not self._lost and not self._transport.is_closing()

    async def exchange(self, request: bytes, seconds: float) -> Answer:
        """Send one request and read its answer. Raises NoAnswer. Cancelled: it is not usable any more."""
        if not self.usable:
            raise NoAnswer(Fault.LOST)
        self._begin_anew()
        self._waiter = asyncio.get_running_loop().create_future()
        self._patience.begin(seconds)
        self._transport.write(request)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._patience.end()
            self._waiter = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._waiter is None or self._waiter.done():
            self.abort()  # it speaks without being asked: what comes next cannot be told apart
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._end(Fault.LOST)
            return
        if self._complete:
            self._answer()
        elif self._received > (HEAD_BYTES + ANSWER_BYTES if self._status else HEAD_BYTES):
            self._end(Fault.LOST)

    def on_message_begin(self) -> None:
        if self._complete:  # a second answer to one request
            self._lost = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 11 and self._retry_after is None and name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._complete or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING:
            self._retry_after = None  # more is coming
        else:
            self._status = status

    def on_body(self, body: bytes) -> None:
        if not self._complete and len(self._body) < ANSWER_BYTES:
            self._body += body

    def on_message_complete(self) -> None:
        if self._status and self._parser is not None and not self._complete:
            self._complete = True
            if not self._parser.should_keep_alive() or self._status == _SWITCHING:
                self._lost = True

    def eof_received(self) -> bool:
        self._end(Fault.LOST)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self._end(Fault.LOST)
        self._patience.stop()
        self._parser = None  # it and we hold each other

    def _expire(self) -> None:
        self._end(Fault.TOO_LATE)

    def _end(self, fault: Fault) -> None:
        """Nothing more is read."""
        if self._status:
            self._answer()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(NoAnswer(fault, left=True))
        self.abort()

    def _answer(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Answer(self._status, bytes(self._body[:ANSWER_BYTES]), self._retry_after))
        if self._lost or self._transport.get_write_buffer_size():  # it answered before it had all of the request
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._lost = True
        self._transport.abort()

    def close(self) -> None:
        """Take leave of an idle one; over TLS that says so."""
        self._lost = True
        self._transport.close()
