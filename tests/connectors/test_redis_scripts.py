"""Lua scripts on connections of our own: what was forgotten is loaded again, what broke is made again once."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionFailed
from redis.exceptions import ResponseError

from connectors.redis.scripts import Script, Scripts, packed
from ops.devstack import Endpoints
from tests.connectors.wire import Wire, closed_port


@pytest.fixture
def echo(tmp_path: Path) -> Script:
    """Returns its arguments; fails when the first is `fail`; a new script in each test."""
    path = tmp_path / "echo.lua"
    path.write_text(
        f"-- {tmp_path}\nif ARGV[1] == 'fail' then return redis.error_reply('ERR asked for') end return ARGV"
    )
    return Script(path)


def client(url: str) -> Redis:
    made: Redis = Redis.from_url(url, socket_timeout=None, retry=Retry(NoBackoff(), 0))
    return made


@pytest.fixture
async def scripts(servers: Endpoints) -> AsyncIterator[Scripts]:
    redis = client(servers.redis_url)
    made = Scripts(redis, 5)
    yield made
    await made.close()
    await redis.aclose()


async def test_a_script_the_server_does_not_know_is_loaded(scripts: Scripts, echo: Script, servers: Endpoints) -> None:
    assert await scripts.run(echo, [], [b"a", 7]) == [b"a", b"7"]
    async with client(servers.redis_url) as redis:
        await redis.script_flush()
    assert await scripts.run(echo, [b"key"], [b"\r\n$1\r\n", 0]) == [b"\r\n$1\r\n", b"0"]


async def test_a_connection_that_broke_while_it_lay_idle_costs_nothing(
    scripts: Scripts, echo: Script, servers: Endpoints
) -> None:
    await asyncio.gather(*(scripts.run(echo, [], [n]) for n in range(3)))
    async with client(servers.redis_url) as redis:
        await redis.client_kill_filter(_type="normal", skipme=True)
    assert await asyncio.gather(*(scripts.run(echo, [], [n]) for n in range(4))) == [[b"0"], [b"1"], [b"2"], [b"3"]]


async def test_an_error_the_server_answers_is_raised_and_costs_no_connection(scripts: Scripts, echo: Script) -> None:
    with pytest.raises(ResponseError, match="asked for"):
        await scripts.run(echo, [], [b"fail"])
    assert await scripts.run(echo, [], [b"fine"]) == [b"fine"]
    assert len(scripts._idle) == 1


async def test_a_call_that_takes_too_long_or_is_given_up_leaves_no_answer_behind(
    servers: Endpoints, echo: Script
) -> None:
    async with Wire(servers.redis_url) as wire:
        await wire.mend()
        redis = client(wire.url)
        scripts = Scripts(redis, 0.3)
        assert await scripts.run(echo, [], [1]) == [b"1"]
        wire.hanging = True
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await scripts.run(echo, [], [2])
        assert time.monotonic() - began < 2
        given_up = asyncio.create_task(scripts.run(echo, [], [3]))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        wire.hanging = False
        async with asyncio.timeout(10):
            assert await scripts.run(echo, [], [4]) == [b"4"]
        await scripts.close()
        await redis.aclose()


async def test_nobody_there_is_told_at_once(echo: Script) -> None:
    redis = client(f"redis://127.0.0.1:{closed_port()}/0")
    with pytest.raises(ConnectionFailed):
        await Scripts(redis, 5).run(echo, [], [])
    await redis.aclose()


@given(st.lists(st.one_of(st.binary(max_size=12), st.just(b"x" * 256), st.integers(-5, 10**12)), min_size=1))
def test_a_command_can_be_read_word_by_word(words: list[bytes | int]) -> None:
    head, rest = packed(words).split(b"\r\n", 1)
    read = []
    for _ in range(int(head[1:])):
        size, rest = rest.split(b"\r\n", 1)
        read.append(rest[: int(size[1:])])
        rest = rest[int(size[1:]) + 2 :]
    assert rest == b""
    assert read == [word if isinstance(word, bytes) else str(word).encode() for word in words]
