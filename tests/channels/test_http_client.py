"""Our own HTTP client against servers that write exact bytes. What aiohttp would make of them is asked beside it."""

import asyncio
from collections.abc import Sequence

import pytest

from connectors.channels.http_answer import Answer, Fault, NoAnswer
from connectors.channels.http_client import HttpClient
from connectors.channels.http_connection import ANSWER_BYTES, HEAD_BYTES
from connectors.channels.http_url import HttpUrl
from connectors.channels.webhook import WebhookPolicy
from tests.channels.conftest import Calls
from tests.channels.raw_http import RawHttp

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = bytes(ANSWER_BYTES) + b"rest"
LETTERS = 500  # at the begin and at the end of an answer that are written one by one


async def fault_of(client: HttpClient, url: HttpUrl, seconds: float = 2) -> NoAnswer:
    with pytest.raises(NoAnswer) as failed:
        await client.post(url, "", b"", seconds)
    return failed.value


def made(connections: int = 4, public_only: bool = False) -> HttpClient:
    return HttpClient(connections, 2, public_only)


@pytest.mark.parametrize(
    ("raw", "status", "begin", "kept"),
    [
        (OK, 200, b"ok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 500 no\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n1;x=y\r\n!\r\n0\r\n\r\n", 500, b"no!", True),
        (b"HTTP/1.1 500 no\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nTrailer: x\r\n\r\n", 500, b"no", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok", True),
        (b"HTTP/1.1 103 Early\r\nRetry-After: 9\r\n\r\nHTTP/1.1 102 x\r\n\r\n" + OK, 200, b"ok", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(LONG), LONG), 200, LONG[:ANSWER_BYTES], True),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 200, b"\x1f\x8b", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("letter_by_letter", [False, True])
async def test_an_answer_is_read_and_its_connection_kept(
    raw: bytes, status: int, begin: bytes, kept: bool, letter_by_letter: bool
) -> None:
    server = Dripping(raw) if letter_by_letter else RawHttp([raw, OK], [OK])
    client = made()
    async with server:
        await client.start()
        assert await client.post(server.url, "", b"{}", 2) == Answer(status, begin, None)
        assert (await client.post(server.url, "", b"{}", 2)).status in (200, status)
        assert server.connections == (1 if kept else 2)
        await client.close()


def dripped(raw: bytes) -> list[bytes]:
    """Letters; of a long answer the middle in one piece: what is looked at there lies near its begin and its end."""
    begin, middle, end = raw[:LETTERS], raw[LETTERS:-LETTERS], raw[max(LETTERS, len(raw) - LETTERS) :]
    return [*_letters(begin), *([middle] if middle else []), *_letters(end)]


def _letters(raw: bytes) -> list[bytes]:
    return [raw[at : at + 1] for at in range(len(raw))]


class Dripping(RawHttp):
    """One that writes the same answer each time, one letter at a time."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self._raw = raw

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Sequence[bytes | None]
    ) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n{}")
            for piece in dripped(self._raw):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil it closes", (200, b"until it closes")),
        (b"HTTP/1.1 500 no\r\nContent-Length: 100\r\n\r\ncut short", (500, b"cut short")),
        (b"HTTP/1.1 500 no\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ncut", (500, b"cut")),
        (b"HTTP/1.1 302 go\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n", (302, b"")),
        (b"", Fault.LOST),
        (b"HTTP/1.1", Fault.LOST),
        (b"HTTP/1.1 200 OK\r\nContent-", Fault.LOST),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", Fault.LOST),
        (b"SSH-2.0-nonsense\r\n\r\n", Fault.LOST),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Fault.LOST),
        (b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", Fault.LOST),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2 * HEAD_BYTES, Fault.LOST),
    ],
)
async def test_what_ends_early_or_is_no_http_is_read_as_aiohttp_reads_it(
    calls: Calls, raw: bytes, expected: tuple[int, bytes] | Fault
) -> None:
    client = calls(WebhookPolicy((bytes(32),), allow_private=True), None)
    async with RawHttp([raw, None]) as server:
        await client.start()
        found: tuple[int, bytes] | Fault
        try:
            answer = await client.post(server.url, "Content-Type: x\r\n", b"{}", 2)
            found = (answer.status, answer.begin)
        except NoAnswer as why:
            found = why.fault
        assert found == expected
        await client.close()


@pytest.mark.parametrize("raw", [b"2\r\nok\r\nnonsense\r\n", b"2\r\nok", b"2\r\nok\r\n0\r\nno trailer\r\n\r\n"])
async def test_what_is_wrong_with_a_body_does_not_undo_the_status(raw: bytes) -> None:
    client = made()
    async with RawHttp([b"HTTP/1.1 500 no\r\nTransfer-Encoding: chunked\r\n\r\n" + raw, None], [OK]) as server:
        await client.start()
        assert await client.post(server.url, "", b"", 2) == Answer(500, b"ok", None)
        assert (await client.post(server.url, "", b"", 2)).status == 200
        assert server.connections == 2
        await client.close()


async def test_an_endless_series_of_answers_of_1xx_is_no_answer() -> None:
    client = made()
    async with RawHttp([b"HTTP/1.1 102 wait\r\n\r\n" * 5000]) as server:
        await client.start()
        assert (await fault_of(client, server.url)).fault is Fault.LOST
        await client.close()


async def test_switching_protocols_is_an_answer_and_ends_the_connection() -> None:
    switching = b"HTTP/1.1 101 x\r\nUpgrade: tls\r\nConnection: upgrade\r\n\r\nfree text"
    client = made()
    async with RawHttp([switching], [OK]) as server:
        await client.start()
        assert (await client.post(server.url, "", b"", 2)).status == 101
        assert (await client.post(server.url, "", b"", 2)).status == 200
        assert server.connections == 2
        await client.close()


@pytest.mark.parametrize("more", [OK, b"nonsense", b"\r\n"])
async def test_a_connection_that_says_more_than_it_was_asked_is_not_used_again(more: bytes) -> None:
    """The next request would be given the answer to another one."""
    client = made()
    async with RawHttp([b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n" + more, OK], [OK]) as server:
        await client.start()
        assert (await client.post(server.url, "", b"", 2)).status == 500
        await asyncio.sleep(0.01)
        assert (await client.post(server.url, "", b"", 2)).status == 200
        await client.close()


class Early(RawHttp):
    """Answers when it has the head, and reads no more."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Sequence[bytes | None]
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 no\r\nContent-Length: 0\r\n\r\n")
        await self.over.wait()


async def test_the_connection_of_an_early_answer_to_a_long_request_is_not_used_again() -> None:
    client = made()
    async with Early() as server:
        await client.start()
        for _ in range(2):
            assert (await client.post(server.url, "", bytes(20_000_000), 2)).status == 413
        assert server.connections == 2
        server.over.set()
        await client.close()
