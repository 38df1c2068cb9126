"""The provider of e-mail: as much of a relay as a sender needs (RFC 5321, with PIPELINING of RFC 2920)."""

import asyncio
import re

from ops.faults.beside import Trouble
from ops.faults.sender.sink import Arrival, Connection, Reply, Sink

_GREETING = b"220 sink.example.com ESMTP\r\n"
_EHLO = b"250-sink.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n"
_END = b"\r\n.\r\n"
_OK, _TAKEN = b"250 2.0.0 OK\r\n", b"250 2.0.0 OK: queued as 4F2A91C0\r\n"
_BUSY, _REFUSED = b"451 4.3.2 not now\r\n", b"554 5.7.1 refused by policy\r\n"
_ENOUGH = b"421 4.7.0 too much, too fast\r\n"
_HEADER = re.compile(rb"(?im)^(x-tidings-notification-id|x-tidings-delivery-id|subject): ([^\r\n]*)")


class SmtpConnection(Connection):
    """Answers every command; keeps one envelope at a time."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self._in_content, self._address, self._refused = False, "", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.sink.trouble is Trouble.THROTTLES:
            self.answer(_ENOUGH, closes=True)
        elif self.sink.trouble not in (Trouble.HANGS, Trouble.RESETS):
            self.answer(_GREETING)

    def next_reply(self) -> Reply | None:
        """A command is a line; the content ends with a line that is a dot."""
        end = self.received.find(_END if self._in_content else b"\r\n")
        if end < 0:
            return None
        told = bytes(self.received[:end])
        del self.received[: end + (len(_END) if self._in_content else 2)]
        if not self._in_content:
            return self._command(told)
        self._in_content = False
        return self._content(told)

    def _command(self, line: bytes) -> Reply:
        word = line[:4].upper()
        if word in (b"MAIL", b"RCPT", b"DATA"):
            return self._envelope(word, line)
        if word == b"QUIT":
            return Reply(b"221 2.0.0 Bye\r\n", closes=True)
        return Reply(_EHLO if word == b"EHLO" else _OK)

    def _envelope(self, word: bytes, line: bytes) -> Reply:
        if self.sink.trouble is Trouble.REFUSES:
            return Reply(_BUSY)
        if self.sink.trouble is Trouble.THROTTLES:
            return Reply(_ENOUGH, closes=True)
        if word == b"MAIL":
            self._refused = False
        if word == b"RCPT":
            self._address = line[line.find(b"<") + 1 : line.find(b">")].decode()
            self._refused = self._address.startswith("no.")
        if self._refused:
            return Reply(_REFUSED)
        self._in_content = word == b"DATA"
        return Reply(b"354 Go on\r\n" if self._in_content else _OK)

    def _content(self, mail: bytes) -> Reply:
        told = {name.lower(): value.decode() for name, value in _HEADER.findall(mail.partition(b"\r\n\r\n")[0])}
        identity = told.get(b"x-tidings-notification-id", "")
        if not self.sink.takes(self._address, identity):
            return Reply(_BUSY)
        delivery = told.get(b"x-tidings-delivery-id", "")
        return Reply(_TAKEN, Arrival(identity, delivery, self._address, told.get(b"subject", "")))
