"""What every form of the port Limits promises: the rules of streams/domain/rate_limit.py, shared."""

import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.memory.limits import LimitsInMemory
from connectors.redis.client import RedisServer
from connectors.redis.limits import RedisLimits
from connectors.unavailable import Unavailable
from streams.domain.ports import Limits
from streams.domain.rate_limit import Ask, Bucket, Lease, RateLimit, lease

S = 1_000_000


class Clock:
    """Microseconds, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_764_000_000_000_007

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def limits(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Limits]:
    if request.param == "memory":
        yield LimitsInMemory(clock)
    else:
        server = RedisServer(request.getfixturevalue("servers").redis_url, 5)
        yield RedisLimits(server.client, clock)
        await server.close()


@pytest.fixture
def key() -> str:
    """Of a bucket nobody has asked yet."""
    return f"email/provider/{uuid.uuid4()}"


def bucket(key: str, limit: str = "5/s") -> Bucket:
    return Bucket(key, RateLimit.parse(limit))


async def test_a_bucket_gives_its_burst_and_then_by_its_rate(limits: Limits, key: str, clock: Clock) -> None:
    ask = Ask((bucket(key),), 4)
    assert await limits.lease([ask]) == [Lease(4)]
    assert await limits.lease([ask]) == [Lease(1, 200_000, 0)]
    clock.now += 199_999
    assert await limits.lease([ask]) == [Lease(0, 1, 0)]
    clock.now += 1
    assert await limits.lease([ask]) == [Lease(1, 200_000, 0)]


async def test_a_batch_is_answered_in_its_order_and_each_ask_needs_all_its_buckets(limits: Limits, key: str) -> None:
    tenant, ada, bob = bucket(f"{key}/t", "2/s"), bucket(f"{key}/a", "1/m"), bucket(f"{key}/b", "1/m")
    asks = [Ask((tenant, ada)), Ask((tenant, ada)), Ask((tenant, bob)), Ask((tenant, bob)), Ask(())]
    assert await limits.lease(asks) == [Lease(1), Lease(0, 60 * S, 1), Lease(1), Lease(0, 60 * S, 1), Lease(1)]
    assert await limits.lease([Ask((tenant,))]) == [Lease(0, S // 2, 0)]


async def test_tokens_given_back_can_be_had_again(limits: Limits, key: str) -> None:
    assert await limits.lease([Ask((bucket(key),), 5), Ask((bucket(key),), -2)]) == [Lease(5), Lease(-2)]
    assert await limits.lease([Ask((bucket(key),), 5)]) == [Lease(2, 200_000, 0)]


async def test_a_large_batch_is_answered_whole(limits: Limits, key: str) -> None:
    asks = [Ask((bucket(f"{key}/{number % 1_500}", "1/m"),)) for number in range(2_500)]
    assert [each.granted for each in await limits.lease(asks)] == [1] * 1_500 + [0] * 1_000
    assert await limits.lease([]) == []


async def test_in_any_course_it_does_as_the_rules_say(limits: Limits, key: str, clock: Clock) -> None:
    chance = random.Random(7)
    known = [
        bucket(f"{key}/{limit}", limit) for limit in ("5/s", "1/m", "3/s", "7000/s burst 3", "100/d", "1/d burst 30")
    ]
    arrivals: dict[str, int] = {}
    held = 0
    for _ in range(300):
        clock.now += chance.choice((0, 1, 137, 200_000, 333_334, 5 * S, 3_600 * S))
        asks = [
            Ask(tuple(chance.sample(known, chance.randint(0, 3))), chance.choice((1, 1, 2, 5, 40, -1)))
            for _ in range(chance.randint(1, 6))
        ]
        changed, expected = lease(arrivals, asks, clock.now)
        arrivals |= changed
        assert await limits.lease(asks) == expected
        held += sum(each.wait_us > 0 for each in expected)
    assert held > 100


async def test_limits_that_are_away_say_so(key: str) -> None:
    server = RedisServer("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable) as raised:
        await RedisLimits(server.client).lease([Ask((bucket(key),))])
    assert raised.value.service == "redis"
    await server.close()
    memory = LimitsInMemory()
    memory.away = True
    with pytest.raises(Unavailable):
        await memory.lease([Ask((bucket(key),))])


@pytest.mark.servers
async def test_in_redis_the_time_is_the_servers_and_a_full_bucket_is_forgotten(servers: Any, key: str) -> None:
    server = RedisServer(servers.redis_url, 5)
    limits = RedisLimits(server.client)
    assert await limits.lease([Ask((bucket(key, "1/h"),))]) == [Lease(1)]
    [again] = await limits.lease([Ask((bucket(key, "1/h"),))])
    assert 3_590 * S < again.wait_us <= 3_600 * S
    assert 3_590 < await server.client.ttl(f"tidings:limit:{key}") <= 3_600
    await limits.lease([Ask((bucket(key, "1/h"),), -1)])
    assert not await server.client.exists(f"tidings:limit:{key}")
    await server.close()
