"""How much the sink takes: ready-made messages as fast as one core can write them, so that nobody asks if it was it.

python -m ops.bench.sender.ceiling smtp|http PORT MESSAGES CORES
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

from ops.bench.router.cores import pin

CONNECTIONS = 16

_MAIL = b"Subject: Your order\r\n\r\n" + b"It is on its way, and this line is as long as lines are.\r\n" * 50
_SMTP = b"MAIL FROM:<orders@shop.example.com>\r\nRCPT TO:<n.1@example.com>\r\nDATA\r\n"
_BODY = b'{"type":"order.shipped","data":"' + b"x" * 900 + b'"}'
_POST = b"POST /in/n.1 HTTP/1.1\r\nHost: sink\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


class Writer(asyncio.Protocol):
    """Writes the next message when the last was answered. `parts`: writes of one message, each with the end of its
    answer."""

    def __init__(self, parts: list[tuple[bytes, bytes]], messages: int, done: asyncio.Future[None]) -> None:
        self._parts, self._left, self._done = parts, messages * len(parts), done
        self._at, self._received = 0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self._write()

    def _write(self) -> None:
        self._transport.write(self._parts[self._at % len(self._parts)][0])

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._received.endswith(self._parts[self._at % len(self._parts)][1]):
            return
        self._received, self._at = b"", self._at + 1
        if self._at >= self._left:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
        else:
            self._write()


async def write(kind: str, port: int, messages: int) -> None:
    """All of them, over CONNECTIONS connections."""
    loop = asyncio.get_running_loop()
    parts = (
        [(_SMTP, b"354 Go on\r\n"), (_MAIL + b".\r\n", b"4F2A91C0\r\n")] if kind == "smtp" else [(_POST, b"\r\n\r\n")]
    )
    ends = []
    for _ in range(CONNECTIONS):
        done = loop.create_future()
        ends.append(done)
        await loop.create_connection(lambda end=done: Writer(parts, messages // CONNECTIONS, end), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)


if __name__ == "__main__":
    pin(json.loads(sys.argv[4]))
    uvloop.run(write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
