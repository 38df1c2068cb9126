"""The same calls by aiohttp: what our own client is held against."""

import asyncio
from contextlib import suppress

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from connectors.channels.http_answer import Answer, Fault, NoAnswer
from connectors.channels.http_connection import ANSWER_BYTES
from connectors.channels.http_url import HttpUrl
from connectors.channels.public_address import BlockedAddress, public_socket

_HEADERS = ("Content-Type", "User-Agent")


class AiohttpClient:
    """Implements Http."""

    def __init__(self, public_only: bool, resolver: AbstractResolver | None = None) -> None:
        self._public_only = public_only
        self._resolver = resolver

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=512, resolver=self._resolver, socket_factory=public_socket if self._public_only else None
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_HEADERS,
        )

    async def close(self) -> None:
        await self._session.close()

    async def post(self, url: HttpUrl, head: str, body: bytes, seconds: float) -> Answer:
        scheme = "https" if url.origin.tls else "http"
        host = f"[{url.origin.host}]" if ":" in url.origin.host else url.origin.host
        address = URL(f"{scheme}://{host}:{url.origin.port}{url.target}", encoded=True)
        headers = dict(line.split(": ", 1) for line in head.splitlines())
        patience = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.post(
                address, data=body, headers=headers, allow_redirects=False, timeout=patience
            ) as response:
                return Answer(response.status, await _begin(response), response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NoAnswer(_fault(error)) from None


def _fault(error: Exception) -> Fault:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, BlockedAddress):
        return Fault.BLOCKED
    if isinstance(error, TimeoutError):
        return Fault.TOO_LATE
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Fault.NO_ADDRESS
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return Fault.TLS
    if isinstance(error, aiohttp.ClientConnectorError):
        return Fault.NO_CONNECTION
    return Fault.UNUSABLE if isinstance(error, ValueError) else Fault.LOST


async def _begin(response: aiohttp.ClientResponse) -> bytes:
    kept = bytearray()
    with suppress(aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError):
        while len(kept) < ANSWER_BYTES:
            piece = await response.content.read(ANSWER_BYTES - len(kept))
            if not piece:
                return bytes(kept)
            kept += piece
    response.close()
    return bytes(kept)
