"""Nobody waits long for Redis, and what it should know it learns all the same when it moves on in time."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from connectors.http.ports import Accepted, Opened
from connectors.redis.accepted import AcceptedInRedis
from connectors.redis.asking import Asking
from connectors.redis.client import RedisServer
from connectors.unavailable import Unavailable
from ops.devstack import Endpoints
from tests.connectors.wire import Wire

pytestmark = pytest.mark.servers
ACCEPTED = Accepted("aa", 1, "ada", "order.shipped", "high")
WAIT_S = 0.02


class Line:
    """A wire that can hang, and Redis asked through it by a client that has patience for 10 seconds."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.server, self.asking = wire, RedisServer(wire.url, 10), Asking(WAIT_S)
        self.accepted = AcceptedInRedis(self.server.client, self.asking)

    @contextmanager
    def hangs(self) -> Iterator[None]:
        self.wire.hanging = True
        yield
        self.wire.hanging = False

    async def until_it_answers(self) -> None:
        async with asyncio.timeout(10):
            while await self.is_unavailable():
                await asyncio.sleep(0.01)

    async def is_unavailable(self) -> bool:
        try:
            await self.accepted.find("nobody")
        except Unavailable:
            return True
        return False


@pytest.fixture
async def line(servers: Endpoints) -> AsyncIterator[Line]:
    async with Wire(servers.redis_url) as wire:
        await wire.mend()
        made = Line(wire)
        await made.until_it_answers()
        yield made
        await made.asking.close()
        await made.server.close()


@pytest.fixture
def identity() -> str:
    return str(uuid.uuid4())


async def test_only_the_first_waits_and_only_for_a_moment(line: Line, identity: str) -> None:
    with line.hangs():
        began = time.monotonic()
        with pytest.raises(Unavailable, match="late"):
            await line.accepted.open(identity, "t", None)
        first = time.monotonic() - began
        for _ in range(50):
            assert await line.is_unavailable()
        rest = time.monotonic() - began - first
    assert WAIT_S * 0.8 < first < 5  # the client alone would wait for 10
    assert rest < first


async def test_a_late_redis_is_used_again_as_soon_as_it_has_answered(line: Line, identity: str) -> None:
    with line.hangs():
        assert await line.is_unavailable()
    await line.until_it_answers()
    await line.accepted.confirm(identity, "t", ACCEPTED)
    assert await line.accepted.find(identity) == ACCEPTED


async def test_what_was_accepted_meanwhile_is_remembered_and_its_id_is_not_held(line: Line, identity: str) -> None:
    with line.hangs():
        with pytest.raises(Unavailable):
            await line.accepted.open(identity, "t", None)
        with pytest.raises(Unavailable):
            await line.accepted.confirm(identity, "t", ACCEPTED)
    await line.until_it_answers()
    async with asyncio.timeout(10):
        while (found := await line.accepted.open(identity, "another", None)) != Opened(ACCEPTED):
            assert found.accepted is None
            await asyncio.sleep(0.01)


async def test_a_loop_of_ours_that_is_busy_does_not_pass_for_a_redis_that_is_late(line: Line) -> None:
    turns: list[asyncio.Handle] = []

    def busy() -> None:
        time.sleep(WAIT_S)
        turns.append(asyncio.get_running_loop().call_soon(busy))

    busy()
    for _ in range(5):
        assert not await line.is_unavailable()
    turns[-1].cancel()


async def test_what_fails_is_unavailable_though_nobody_waits_for_it(line: Line, identity: str) -> None:
    with line.hangs():
        with pytest.raises(Unavailable):
            await line.accepted.open(identity, "t", None)
        await line.wire.cut()
        async with asyncio.timeout(10):
            while line.asking._under_way:
                await asyncio.sleep(0.01)
    with pytest.raises(Unavailable) as refused:
        await line.accepted.find(identity)
    assert "late" not in str(refused.value)
