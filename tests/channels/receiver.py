"""Webhook receivers on loopback that do as a test tells them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.channels.http_client import Address


@dataclass(frozen=True, slots=True)
class Request:
    """One POST as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """aiohttp with a script. `async with Receiver() as receiver: ... receiver.url`; the attributes may change."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.taken: list[Request] = []
        self.connections: set[int] = set()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answer = b"ok"
        self.hangs = False
        self.drops = False
        self.drips = False
        self.garbage = b""
        self.slow = 0.0
        self.others = 0
        self._hanging = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/elsewhere", self._elsewhere)
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port: int = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/in"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hanging.set()
        await self._runner.cleanup()

    async def _elsewhere(self, request: web.Request) -> web.Response:
        self.others += 1
        return web.Response()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        came = Request(request.path_qs, dict(request.headers), await request.read())
        self.requests.append(came)
        assert request.transport is not None
        self.connections.add(id(request.transport))
        if self.hangs:
            await self._hanging.wait()
        await asyncio.sleep(self.slow)
        if self.garbage:
            request.transport.write(self.garbage)
            request.transport.close()
        if self.drops:
            request.transport.abort()
        if self.status < 300 and not (self.drops or self.garbage):
            self.taken.append(came)
        if self.drips:
            return await self._drip(request)
        return web.Response(status=self.status, headers=self.headers, body=self.answer)

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        """An answer whose body never ends."""
        response = web.StreamResponse(status=self.status)
        await response.prepare(request)
        while not self._hanging.is_set() and request.transport is not None and not request.transport.is_closing():
            await response.write(b"x")
            await asyncio.sleep(0.01)
        return response


class Names(AbstractResolver):
    """A resolver under a test's control: the first word of a host to its addresses, all at one port."""

    def __init__(self, port: int, **names: list[str]) -> None:
        self._port = port
        self._names = names
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        self.asked += 1
        word = host.partition(".")[0]
        if word not in self._names:
            raise OSError("no such name")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=self._port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self._names[word]
        ]

    async def look_up(self, host: str, port: int) -> Sequence[Address]:
        """The same in the form of getaddrinfo."""
        found = await self.resolve(host, port)
        return [(each["family"], socket.SOCK_STREAM, 0, "", (each["host"], each["port"])) for each in found]

    async def close(self) -> None:
        """Nothing to give back."""


@dataclass
class Endless:
    """Answers with so much that nobody should read it all. `taken`: bytes of it that were."""

    url: str = ""
    taken: int = 0


@asynccontextmanager
async def endless(status: int) -> AsyncIterator[Endless]:
    """One that answers everything with this status and a gigabyte."""
    this = Endless()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d no\r\nContent-Length: 1000000000\r\n\r\n" % status)
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                this.taken += 65536
        except OSError:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        this.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield this
