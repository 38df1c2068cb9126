"""HTTPS: whom it trusts, and that the name it was asked for is the one that is proven."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.channels.http_answer import Answer, Fault, NoAnswer
from connectors.channels.http_client import Address, HttpClient, look_up
from connectors.channels.http_url import parse_url
from tests.channels.raw_http import RawHttp

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


async def home(host: str, port: int) -> Sequence[Address]:
    return await look_up("127.0.0.1", port)


async def test_a_kept_connection_serves_many_requests(tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    names: list[str | None] = []
    tls.sni_callback = lambda _way, name, _context: names.append(name)
    client = HttpClient(2, 2, False, home, trusting)
    async with RawHttp([OK, OK, OK], tls=tls) as server:
        await client.start()
        url = parse_url(f"https://localhost.:{server.port}/")
        for _ in range(3):
            assert await client.post(url, "", b"x" * 100_000, 2) == Answer(200, b"ok", None)
        assert server.connections == 1
        await client.close()
    assert names == ["localhost"]


@pytest.mark.parametrize("host", ["elsewhere.example", "localhost.example"])
async def test_a_certificate_of_another_name_is_refused(
    tls: ssl.SSLContext, trusting: ssl.SSLContext, host: str
) -> None:
    client = HttpClient(2, 2, False, home, trusting)
    async with RawHttp([OK], tls=tls) as server:
        await client.start()
        with pytest.raises(NoAnswer) as failed:
            await client.post(parse_url(f"https://{host}:{server.port}/"), "", b"", 2)
        assert (failed.value.fault, failed.value.left) == (Fault.TLS, False)
        assert server.requests == []
        await client.close()


async def test_a_certificate_nobody_vouches_for_is_refused(tls: ssl.SSLContext) -> None:
    client = HttpClient(2, 2, False, home)
    async with RawHttp([OK], tls=tls) as server:
        await client.start()
        with pytest.raises(NoAnswer) as failed:
            await client.post(parse_url(f"https://localhost:{server.port}/"), "", b"", 2)
        assert (failed.value.fault, failed.value.left) == (Fault.TLS, False)
        assert server.requests == []
        await client.close()


async def test_who_never_ends_the_handshake_is_given_up(trusting: ssl.SSLContext) -> None:
    client = HttpClient(2, 0.2, False, home, trusting)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        await client.start()
        url = parse_url(f"https://localhost:{server.sockets[0].getsockname()[1]}/")
        with pytest.raises(NoAnswer) as failed:
            await client.post(url, "", b"", 2)
        assert failed.value.fault is Fault.NO_CONNECTION
        await client.close()
