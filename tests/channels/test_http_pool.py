"""Which connections our own HTTP client opens, keeps and waits for, and where it may connect to."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from connectors.channels.http_answer import Fault, NoAnswer
from connectors.channels.http_client import Address, HttpClient, look_up
from connectors.channels.http_connection import HttpConnection
from connectors.channels.http_pool import HttpPool
from connectors.channels.http_url import HttpUrl, Origin, parse_url
from tests.channels.raw_http import RawHttp
from tests.channels.smtp import until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def fault_of(client: HttpClient, url: HttpUrl, seconds: float = 2) -> NoAnswer:
    with pytest.raises(NoAnswer) as failed:
        await client.post(url, "", b"", seconds)
    return failed.value


def made(connections: int = 4, public_only: bool = False) -> HttpClient:
    return HttpClient(connections, 2, public_only)


async def test_a_kept_connection_that_was_closed_meanwhile_is_known_to_be_gone() -> None:
    client = made()
    async with RawHttp([OK, None], [OK]) as server:
        await client.start()
        await client.post(server.url, "", b"", 2)
        await until(lambda: server.open == 0)
        await asyncio.sleep(0.02)
        assert (await client.post(server.url, "", b"", 2)).status == 200
        assert len(server.requests) == 2
        await client.close()


async def test_a_request_that_may_have_arrived_is_not_sent_again() -> None:
    client = made()
    async with RawHttp([OK, b"", None], [OK]) as server:
        await client.start()
        await client.post(server.url, "", b"", 2)
        failed = await fault_of(client, server.url)
        assert (failed.fault, failed.left) == (Fault.LOST, True)
        assert len(server.requests) == 2
        assert server.connections == 1
        await client.close()


async def test_connections_are_bounded_and_requests_wait_their_turn() -> None:
    client = made(connections=3)
    async with RawHttp(*[[OK] * 100 for _ in range(20)]) as server:
        await client.start()
        answers = await asyncio.gather(*(client.post(server.url, "", b"", 5) for _ in range(60)))
        assert {answer.status for answer in answers} == {200}
        assert server.connections == 3
        await client.close()


async def test_who_gets_no_turn_in_time_has_sent_nothing() -> None:
    client = made(connections=1)
    async with RawHttp([b"", OK]) as silent, RawHttp([OK]) as other:
        await client.start()
        hanging = asyncio.create_task(client.post(silent.url, "", b"", 1))
        await until(lambda: len(silent.requests) == 1)
        failed = await fault_of(client, other.url, 0.05)
        assert (failed.fault, failed.left) == (Fault.TOO_LATE, False)
        assert other.connections == 0
        with pytest.raises(NoAnswer):
            await hanging
        assert (await client.post(other.url, "", b"", 2)).status == 200
        await client.close()


async def test_a_cancelled_request_leaves_no_half_used_connection_and_gives_its_turn_back() -> None:
    client = made(connections=1)
    async with RawHttp([b""], [OK]) as server:
        await client.start()
        slow = asyncio.create_task(client.post(server.url, "", b"", 5))
        await until(lambda: len(server.requests) == 1)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert (await client.post(server.url, "", b"", 2)).status == 200
        await client.close()


async def test_an_origin_is_a_scheme_a_host_and_a_port() -> None:
    client = made()
    async with RawHttp([OK], [OK]) as one, RawHttp([OK]) as other:
        await client.start()
        named = parse_url(f"http://localhost:{one.port}/in?a=b")
        for url in (one.url, named, other.url):
            await client.post(url, "", b"", 2)
        assert (one.connections, other.connections) == (2, 1)
        assert one.requests[1].startswith(b"POST /in?a=b HTTP/1.1\r\nHost: localhost:%d\r\n" % one.port)
        await client.close()


async def test_the_next_address_of_a_name_is_tried() -> None:
    async with RawHttp([OK]) as server:

        async def found(host: str, port: int) -> Sequence[Address]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (each, port)) for each in ("127.0.0.2", "127.0.0.1")]

        client = HttpClient(4, 2, False, found)
        await client.start()
        assert (await client.post(parse_url(f"http://two.example:{server.port}/"), "", b"", 2)).status == 200
        await client.close()


async def test_a_name_is_looked_up_once_for_many_and_again_after_it_failed() -> None:
    asked: list[str] = []

    async def found(host: str, port: int) -> Sequence[Address]:
        asked.append(host)
        await asyncio.sleep(0.01)
        if len(asked) == 1:
            raise OSError("no such name")
        return await look_up("127.0.0.1", port)

    async with RawHttp(*[[OK] * 9 for _ in range(9)]) as server:
        client = HttpClient(9, 2, False, found)
        await client.start()
        url = parse_url(f"http://one.example:{server.port}/")
        assert (await fault_of(client, url)).fault is Fault.NO_ADDRESS
        await asyncio.gather(*(client.post(url, "", b"", 2) for _ in range(9)))
        assert len(asked) == 2
        await client.close()


async def test_a_look_up_that_hangs_ends_at_the_deadline() -> None:
    async def found(host: str, port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        raise AssertionError

    client = HttpClient(4, 0.1, False, found)
    await client.start()
    url = parse_url("http://never.example/")
    assert (await fault_of(client, url, 5)).fault is Fault.NO_CONNECTION
    assert (await fault_of(client, url, 0.05)).fault is Fault.TOO_LATE
    await client.close()


async def test_of_a_name_that_leads_home_and_out_only_the_way_out_is_tried() -> None:
    with socket.socket() as home:
        home.bind(("127.0.0.1", 0))
        home.listen()
        home.setblocking(False)
        port = home.getsockname()[1]

        async def found(host: str, _: int) -> Sequence[Address]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (each, port)) for each in ("127.0.0.1", "240.0.0.1")]

        client = HttpClient(4, 0.2, True, found)
        await client.start()
        assert (await fault_of(client, parse_url("https://both.example/"))).fault is Fault.BLOCKED
        with pytest.raises(BlockingIOError):
            home.accept()
        await client.close()


async def test_an_idle_connection_is_closed_and_so_are_all_at_the_end() -> None:
    opened: list[HttpConnection] = []

    async def connect(origin: Origin, seconds: float) -> HttpConnection:
        _, made = await asyncio.get_running_loop().create_connection(HttpConnection, origin.host, origin.port)
        opened.append(made)
        return made

    pool = HttpPool(connect, 2, 0.1)
    request = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    async with RawHttp([OK], [OK]) as server:
        await pool.exchange(server.url.origin, request, 2)
        await until(lambda: server.open == 0)
        await pool.exchange(server.url.origin, request, 2)
        assert (server.connections, server.open) == (2, 1)
        await pool.close()
        await until(lambda: server.open == 0)
        assert not any(each.usable for each in opened)


async def test_no_more_connections_idle_than_may_be_in_use() -> None:
    client = made(connections=2)
    async with RawHttp([OK]) as one, RawHttp([OK]) as two, RawHttp([OK]) as three:
        await client.start()
        for server in (one, two, three):
            await client.post(server.url, "", b"", 2)
        await until(lambda: one.open == 0)
        assert (two.open, three.open) == (1, 1)
        await client.close()
