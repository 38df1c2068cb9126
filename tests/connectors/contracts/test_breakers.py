"""What every form of the port Breakers promises: the rules of streams/domain/breaker.py, shared."""

import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.memory.breakers import BreakersInMemory
from connectors.redis.breakers import RedisBreakers
from connectors.redis.client import RedisServer
from connectors.unavailable import Unavailable
from streams.domain.breaker import CLOSED, HALF_OPEN, OPEN, Breaker, BreakerPolicy, Tally, report
from streams.domain.ports import Breakers

POLICY = BreakerPolicy(window=timedelta(seconds=6), min_calls=10, open_for=timedelta(seconds=1), probes=2)
FAILED = Tally(calls=10, failed=10)


class Clock:
    """Milliseconds, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_764_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[[Clock | None], Any]


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def open_breakers(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Opens the breakers with a clock, or with their own."""
    if request.param == "memory":
        yield lambda clock: BreakersInMemory(clock) if clock else BreakersInMemory()
    else:
        server = RedisServer(request.getfixturevalue("servers").redis_url, 5)
        yield lambda clock: RedisBreakers(server.client, clock)
        await server.close()


@pytest.fixture
def breakers(open_breakers: Open, clock: Clock) -> Breakers:
    found: Breakers = open_breakers(clock)
    return found


@pytest.fixture
def smtp() -> str:
    """A provider nobody has heard of yet."""
    return f"smtp-{uuid.uuid4()}"


async def test_a_provider_nobody_told_of_is_closed(breakers: Breakers, smtp: str, clock: Clock) -> None:
    assert await breakers.report(smtp, POLICY, Tally(), 2) == (Breaker(), 0, clock.now)


async def test_what_one_process_told_another_learns(breakers: Breakers, smtp: str) -> None:
    half = Tally(calls=5, failed=5)
    assert (await breakers.report(smtp, POLICY, half, 0)).breaker.state is CLOSED
    assert (await breakers.report(smtp, POLICY, half, 0)).breaker.state is OPEN
    assert (await breakers.report(smtp, POLICY, Tally(), 0)).breaker.state is OPEN


async def test_failures_in_a_row_open_it_whoever_made_the_calls_and_one_that_went_well_ends_the_row(
    breakers: Breakers, smtp: str
) -> None:
    policy = replace(POLICY, in_a_row=12)
    five = Tally(calls=5, failed=5, in_a_row=5)
    await breakers.report(smtp, policy, Tally(calls=1_000, well=1_000), 0)
    assert (await breakers.report(smtp, policy, five, 0)).breaker.in_a_row == 5
    mixed = Tally(calls=9, failed=5, well=4, in_a_row=2)
    assert (await breakers.report(smtp, policy, mixed, 0)).breaker.in_a_row == 2
    assert (await breakers.report(smtp, policy, five, 0)).breaker.state is CLOSED
    opened = (await breakers.report(smtp, policy, five, 0)).breaker
    assert (opened.state, opened.in_a_row) == (OPEN, 0)


async def test_providers_have_breakers_of_their_own(breakers: Breakers, smtp: str) -> None:
    await breakers.report(smtp, POLICY, FAILED, 0)
    assert (await breakers.report(f"{smtp}-2", POLICY, Tally(), 0)).breaker.state is CLOSED


async def test_it_opens_probes_and_closes_for_all(breakers: Breakers, smtp: str, clock: Clock) -> None:
    await breakers.report(smtp, POLICY, FAILED, 0)
    clock.now += 1_000
    mine = await breakers.report(smtp, POLICY, Tally(), 1)
    other = await breakers.report(smtp, POLICY, Tally(), 5)
    assert (mine.breaker.state, mine.granted, other.granted) == (HALF_OPEN, 1, 1)
    passed = Tally(turn=mine.breaker.turn, probes_passed=1)
    assert (await breakers.report(smtp, POLICY, passed, 0)).breaker.state is HALF_OPEN
    assert (await breakers.report(smtp, POLICY, passed, 0)).breaker.state is CLOSED


async def test_in_any_course_it_does_as_the_rules_say(breakers: Breakers, smtp: str, clock: Clock) -> None:
    chance = random.Random(20)
    expected = Breaker()
    seen = set()
    for _ in range(400):
        clock.now += chance.choice((0, 1, 300, 1_100, 2_500, 31_000))
        calls = chance.choice((0, 1, 3, 9, 30))
        failed, slow = chance.randint(0, calls), chance.choice((0, calls))
        turn = expected.turn - chance.choice((0, 0, 0, 1))
        probes = chance.randint(0, 2), chance.choice((0, 0, 0, 1))
        row = (calls - failed, failed) if calls < 9 else (0, 0)
        tally = Tally(calls, failed, slow, max(0, turn), *probes, *row)
        wanted = chance.randint(0, 3)
        expected, granted = report(expected, POLICY, tally, wanted, clock.now)
        assert await breakers.report(smtp, POLICY, tally, wanted) == (expected, granted, clock.now)
        seen.add((expected.state, expected.failed_turns > 0, granted > 0))
    assert len(seen) >= 6  # every state, with and without probes that failed


async def test_without_a_clock_of_ours_the_time_is_that_of_the_store(open_breakers: Open, smtp: str) -> None:
    told = await open_breakers(None).report(smtp, POLICY, FAILED, 0)
    assert abs(told.now - time.time() * 1000) < 60_000
    assert told.breaker.since == told.now


async def test_breakers_that_are_away_say_so() -> None:
    server = RedisServer("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable) as raised:
        await RedisBreakers(server.client).report("smtp", POLICY, Tally(), 0)
    assert raised.value.service == "redis"
    await server.close()
    memory = BreakersInMemory()
    memory.away = True
    with pytest.raises(Unavailable):
        await memory.report("smtp", POLICY, Tally(), 0)


@pytest.mark.servers
async def test_in_redis_a_breaker_nobody_tells_of_is_forgotten(servers: Any, smtp: str) -> None:
    server = RedisServer(servers.redis_url, 5)
    await RedisBreakers(server.client).report(smtp, POLICY, FAILED, 0)
    assert 0 < await server.client.ttl(f"tidings:breaker:{smtp}") <= 3600
    await server.close()


@pytest.mark.servers
@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 0 3 0 0 0",
        "2 1763999999000 3 0 0 0 1763999:10:10:0",  # as it was before in_a_row
        "2 1763999999000 3 0 0 0 x",
        "7 1763999999000 3 0 0 0 0",
        "2 nan 3 0 0 0 0",
        "0 0 3 0 0 0 0 1763999:10:10",
        '{"state":"open"}',
    ],
)
async def test_in_redis_what_another_version_has_written_counts_as_not_there(
    servers: Any, smtp: str, clock: Clock, text: str
) -> None:
    server = RedisServer(servers.redis_url, 5)
    breakers = RedisBreakers(server.client, clock)
    await server.client.set(f"tidings:breaker:{smtp}", text)
    assert await breakers.report(smtp, POLICY, Tally(calls=1, failed=1), 2) == (
        *report(Breaker(), POLICY, Tally(calls=1, failed=1), 2, clock.now),
        clock.now,
    )
    assert (await breakers.report(smtp, POLICY, FAILED, 0)).breaker.state is OPEN
    await server.close()
