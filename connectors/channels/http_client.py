"""HTTP/1.1 POST as providers need it: kept connections, a deadline, bounded answers, a guard on where it connects.

No redirects, no cookies, no proxies, no compression. aiohttp, a fifth as fast, is the oracle in the tests.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import aiohappyeyeballs

from connectors.channels.http_answer import Answer, Fault, NoAnswer
from connectors.channels.http_connection import HttpConnection
from connectors.channels.http_pool import HttpPool
from connectors.channels.http_url import HttpUrl, Origin
from connectors.channels.public_address import BlockedAddress, is_public, public_socket

Address = tuple[Any, ...]
"""An entry of getaddrinfo: family, kind, protocol, name, (numeric address, port, ...)."""

LookUp = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The addresses of a host. Raises OSError when it has none, ValueError when it cannot be a name."""

_IDLE_SECONDS = 15
_NAMES_SECONDS = 10
_NAMES = 4096
_SECOND_TRY_SECONDS = 0.25  # until the next address is tried beside one that does not answer (RFC 8305)


class Http(Protocol):
    """Whoever can call. `head`: lines of the header, each with its CRLF."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def post(self, url: HttpUrl, head: str, body: bytes, seconds: float) -> Answer:
        """One POST, answered within so many seconds in all. Raises NoAnswer."""


async def look_up(host: str, port: int) -> Sequence[Address]:
    """As the system does."""
    loop = asyncio.get_running_loop()
    return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class HttpClient:
    """Implements Http. `public_only`: private addresses are not called, whatever a name leads to (public_address.py).
    `tls` None: whom the system trusts."""

    def __init__(
        self,
        connections: int,
        connect_seconds: float,
        public_only: bool,
        look_up: LookUp = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = HttpPool(self._connect, connections, _IDLE_SECONDS)
        self._connect_seconds = connect_seconds
        self._public_only = public_only
        self._names = _Names(look_up)
        self._tls = tls

    async def start(self) -> None:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])

    async def close(self) -> None:
        await self._pool.close()

    async def post(self, url: HttpUrl, head: str, body: bytes, seconds: float) -> Answer:
        lines = f"POST {url.target} HTTP/1.1\r\nHost: {url.origin.named}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        return await self._pool.exchange(url.origin, lines.encode("ascii") + body, seconds)

    async def _connect(self, origin: Origin, seconds: float) -> HttpConnection:
        bounded = min(seconds, self._connect_seconds)
        try:
            async with asyncio.timeout(bounded):
                return await self._open(origin, self._allowed(await self._names.addresses(origin)))
        except TimeoutError:
            raise NoAnswer(Fault.TOO_LATE if bounded == seconds else Fault.NO_CONNECTION) from None
        except (ssl.SSLError, ssl.CertificateError):
            raise NoAnswer(Fault.TLS) from None
        except BlockedAddress:
            raise NoAnswer(Fault.BLOCKED) from None
        except (OSError, RuntimeError):  # uvloop raises both
            raise NoAnswer(Fault.NO_CONNECTION) from None

    def _allowed(self, addresses: Sequence[Address]) -> Sequence[Address]:
        """The socket that connects checks its address once more."""
        if not self._public_only:
            return addresses
        public = [address for address in addresses if is_public(str(address[4][0]))]
        if addresses and not public:
            raise BlockedAddress
        return public

    async def _open(self, origin: Origin, addresses: Sequence[Address]) -> HttpConnection:
        way = await aiohappyeyeballs.start_connection(
            addresses,
            happy_eyeballs_delay=_SECOND_TRY_SECONDS,
            interleave=1,
            socket_factory=public_socket if self._public_only else None,
        )
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                HttpConnection,
                sock=way,
                ssl=self._tls if origin.tls else None,
                server_hostname=origin.host.rstrip(".") if origin.tls else None,  # certificates name no final dot
            )
        except BaseException:
            way.close()
            raise
        return connection


class _Names:
    """Addresses of hosts, known for a few seconds; a host is looked up once, however many wait for it."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._found: dict[tuple[str, int], tuple[float, asyncio.Future[Sequence[Address]]]] = {}

    async def addresses(self, origin: Origin) -> Sequence[Address]:
        """Raises NoAnswer."""
        host, port = origin.host, origin.port
        literal = _literal(host)
        if literal is not None:
            family = socket.AF_INET6 if ":" in literal else socket.AF_INET
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (literal, port))]
        now = time.monotonic()
        known = self._found.get((host, port))
        if known is None or known[0] < now or _failed(known[1]):
            if len(self._found) >= _NAMES:
                self._found.clear()
            asking = asyncio.ensure_future(self._look_up(host, port))
            asking.add_done_callback(_failed)  # looked at also when nobody waits for it any more
            known = self._found[host, port] = (now + _NAMES_SECONDS, asking)
        try:
            return await asyncio.shield(known[1])
        except OSError:
            raise NoAnswer(Fault.NO_ADDRESS) from None
        except ValueError:
            raise NoAnswer(Fault.UNUSABLE) from None


def _failed(asked: asyncio.Future[Sequence[Address]]) -> bool:
    return asked.done() and (asked.cancelled() or asked.exception() is not None)


def _literal(host: str) -> str | None:
    """An address is not looked up. Other ways to write one as a number, which getaddrinfo would read, are refused."""
    if ":" in host:
        return host
    if not host.replace(".", "").isdigit():
        return None
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise NoAnswer(Fault.UNUSABLE) from None
