"""Where everything is handed over: an SMTP relay and an HTTP endpoint that do as little as can be, as one process.

Both take any number of messages on a connection and answer what came in one read with one write. PIPELINING (RFC 2920)
is offered. What came, and when, is asked for on a third port, a word a line: `count`, `arrivals`, `kept`, `reset`.
After `refuse` the relay refuses every mail for good, until `take`. Prints its three ports first.
"""

import asyncio
import base64
import json
import sys
import time
from typing import Any, cast

import uvloop

from ops.bench.router.cores import pin

KEPT_EACH, KEPT = 16, 2_000
"""Of every so many deliveries the message is kept as it came, and no more than so many."""

_GREETING = b"220 sink.example.com ESMTP\r\n"
_EHLO = b"250-sink.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n"
_END, _LINE_END = b"\r\n.\r\n", b"\r\n"
_OK, _GO, _TAKEN = b"250 2.0.0 OK\r\n", b"354 Go on\r\n", b"250 2.0.0 OK: queued as 4F2A91C0\r\n"
_REFUSED = b"554 5.7.1 Refused\r\n"
_BYE = b"221 2.0.0 Bye\r\n"
_FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Seen:
    """What came since the last reset: (label, time.monotonic), a label being the priority's first letter, a dot and
    the number of the delivery."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[str, float]] = []
        self.kept: dict[str, bytes] = {}
        self.refuses = False

    def note(self, label: bytes, raw: bytes | bytearray) -> None:
        """One message came."""
        name = label.decode()
        self.arrivals.append((name, time.monotonic()))
        if int(name[2:]) % KEPT_EACH == 0 and len(self.kept) < KEPT:
            self.kept[name] = bytes(raw)

    def answer(self, word: str) -> Any:
        """To a question."""
        match word:
            case "count":
                return [time.monotonic(), len(self.arrivals)]
            case "arrivals":
                return self.arrivals
            case "kept":
                return {label: base64.b64encode(raw).decode() for label, raw in self.kept.items()}
            case "refuse" | "take":
                self.refuses = word == "refuse"
            case _:
                self.arrivals, self.kept = [], {}
        return None


class Smtp(asyncio.Protocol):
    """One connection of a relay that takes everything."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._received = b""
        self._in_content = False
        self._label = b""
        self._leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self._transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        at, out = 0, []
        while (end := received.find(_END if self._in_content else _LINE_END, at)) >= 0:
            if self._in_content:
                out.append(self._content(received[at:end]))
                at, self._in_content = end + len(_END), False
            else:
                out.append(self._command(received[at:end]))
                at = end + len(_LINE_END)
        self._received = received[at:]
        if out:
            self._transport.write(b"".join(out))
        if self._leaving:
            self._transport.close()

    def _content(self, content: bytes) -> bytes:
        if self._seen.refuses:
            return _REFUSED
        self._seen.note(self._label, content)
        return _TAKEN

    def _command(self, line: bytes) -> bytes:
        match line[:4].upper():
            case b"MAIL":
                return _OK
            case b"RCPT":
                self._label = line[line.find(b"<") + 1 : line.find(b"@")]
            case b"DATA":
                self._in_content = True
                return _GO
            case b"EHLO":
                return _EHLO
            case b"QUIT":
                self._leaving = True
                return _BYE
        return _OK


class Http(asyncio.Protocol):
    """One connection of an endpoint that takes every POST; the last part of the path is the label."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head := self._received.find(b"\r\n\r\n")) >= 0:
            length = self._received.lower().find(b"content-length:", 0, head)
            size = int(self._received[length + 15 : self._received.find(b"\r\n", length)]) if length >= 0 else 0
            end = head + 4 + size
            if len(self._received) < end:
                return
            path = self._received[: self._received.find(b" HTTP/")]
            self._seen.note(bytes(path[path.rfind(b"/") + 1 :]), self._received[:end])
            del self._received[:end]
            self._transport.write(_FINE)


async def serve(cores: list[int]) -> None:
    """Until it is killed."""
    pin(cores)
    seen, loop = Seen(), asyncio.get_running_loop()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(seen.answer(line.decode().strip())).encode() + b"\n")
            await writer.drain()
        writer.close()

    asking = await asyncio.start_server(talk, "127.0.0.1", 0)
    smtp = await loop.create_server(lambda: Smtp(seen), "127.0.0.1", 0)
    http = await loop.create_server(lambda: Http(seen), "127.0.0.1", 0)
    print(json.dumps([server.sockets[0].getsockname()[1] for server in (smtp, http, asking)]), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(json.loads(sys.argv[1])))
