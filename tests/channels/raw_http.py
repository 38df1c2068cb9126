"""A server that writes exactly the bytes it is told, and notes what it was asked."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from connectors.channels.http_url import HttpUrl, parse_url


class RawHttp:
    """Of each connection a list of answers, one a request, an empty one for silence; None: it hangs up.

    `async with RawHttp([b"HTTP/1.1 204 ok\\r\\n\\r\\n"]) as server: ... server.url`
    """

    def __init__(self, *connections: Sequence[bytes | None], tls: ssl.SSLContext | None = None) -> None:
        self._scripts = [*connections]
        self._tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url: HttpUrl = parse_url(f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/in")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()
        async with asyncio.timeout(5):
            while self.open:
                await asyncio.sleep(0.005)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts[self.connections] if self.connections < len(self._scripts) else []
        self.connections += 1
        self.open += 1
        self._writers.add(writer)
        try:
            await self.talk(reader, writer, script)
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self.open -= 1

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Sequence[bytes | None]
    ) -> None:
        """On one connection, until this returns."""
        for answer in script:
            if answer is None:
                return
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
            writer.write(answer)
            await writer.drain()
        if script:
            await reader.read()
