"""What every memory of accepted notifications promises (http.ports.AcceptedNotifications)."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from connectors.http.ports import Accepted
from connectors.memory.accepted import AcceptedInMemory
from connectors.redis.accepted import AcceptedInRedis
from connectors.redis.client import RedisServer

Memory = AcceptedInMemory | AcceptedInRedis
FIRST = Accepted("aa" * 32, 1_800_000_000_000, "ada", "order.shipped", "high")
OTHER = Accepted("bb" * 32, 1_800_000_000_001, "ada", "order.shipped", "low")


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def memory(request: pytest.FixtureRequest) -> AsyncIterator[Memory]:
    if request.param == "memory":
        yield AcceptedInMemory()
        return
    server = RedisServer(request.getfixturevalue("servers").redis_url, seconds=5)
    yield AcceptedInRedis(server.client)
    await server.close()


@pytest.fixture
def identity() -> str:
    return str(uuid.uuid4())


async def test_what_is_confirmed_is_remembered(memory: Memory, identity: str) -> None:
    assert await memory.find(identity) is None
    opened = await memory.open(identity, "t1", "ada")
    assert (opened.accepted, opened.busy) == (None, False)
    await memory.confirm(identity, "t1", FIRST)
    assert await memory.find(identity) == FIRST
    assert (await memory.open(identity, "t2", None)).accepted == FIRST


async def test_the_first_stays(memory: Memory, identity: str) -> None:
    await memory.confirm(identity, "t1", FIRST)
    await memory.confirm(identity, "t2", OTHER)
    assert await memory.find(identity) == FIRST


async def test_while_one_is_handled_another_is_told_so_and_asking_again_is_not_another(
    memory: Memory, identity: str
) -> None:
    await memory.open(identity, "t1", None)
    assert (await memory.open(identity, "t2", None)).busy
    assert not (await memory.open(identity, "t1", None)).busy


async def test_one_that_was_released_can_be_taken_by_another(memory: Memory, identity: str) -> None:
    await memory.open(identity, "t1", None)
    await memory.release(identity, "t1")
    assert not (await memory.open(identity, "t2", None)).busy
    assert await memory.find(identity) is None


async def test_nobody_lets_go_of_what_another_holds(memory: Memory, identity: str) -> None:
    await memory.open(identity, "t1", None)
    await memory.release(identity, "t2")
    assert (await memory.open(identity, "t3", None)).busy


async def test_of_many_at_once_one_holds_it(memory: Memory, identity: str) -> None:
    opened = await asyncio.gather(*(memory.open(identity, f"t{number}", None) for number in range(20)))
    assert sum(not each.busy for each in opened) == 1
