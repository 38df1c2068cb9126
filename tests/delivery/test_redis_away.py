"""Redis dies under load: sending goes on with claims in PostgreSQL, each once; both away, and nothing is sent."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from connectors.delivery.fallback_claims import FallbackClaims
from connectors.delivery.sender import Sender
from connectors.memory.provider import ProviderInMemory
from connectors.postgres.claims import PostgresClaims
from connectors.postgres.migrate import migrate
from connectors.postgres.pool import Pool
from connectors.redis.claims import RedisClaims
from ops.devstack import Stack
from streams.domain.delivery import Delivery
from tests.delivery.builders import delivery
from tests.delivery.ground import Ground, until
from tests.delivery.sender_process import Config
from tests.delivery.test_sender_killed import calls, ended, errors

pytestmark = pytest.mark.servers
REDIS, POSTGRES = "valkey", "postgres"


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    """A Valkey and a PostgreSQL of this module's own, to be killed."""
    with Stack(services=(REDIS, POSTGRES), tolerate=(REDIS, POSTGRES)) as stack:
        migrate(stack.endpoints.postgres_dsn)
        yield stack


@pytest.fixture(autouse=True)
def both_there(own: Stack) -> Iterator[None]:
    yield
    for name in (REDIS, POSTGRES):
        if name not in own.pids():
            own.start(name)


@asynccontextmanager
async def sending(ground: Ground, own: Stack, provider: ProviderInMemory) -> AsyncIterator[Sender]:
    pool = Pool(own.endpoints.postgres_dsn, "test")
    await pool.open()
    claims = FallbackClaims(RedisClaims.at(own.endpoints.redis_url), PostgresClaims(pool, elsewhere=True), look_s=0.3)
    try:
        async with ground.sender(ground.parts(provider, claims)) as sender:
            yield sender
    finally:
        await claims.close()
        await pool.close()


def some_mails(ground: Ground, lanes: int = 10, each: int = 20) -> list[Delivery]:
    return [delivery(ground.who(f"r{lane}"), number) for number in range(1, each + 1) for lane in range(lanes)]


async def for_seconds(seconds: float) -> None:
    since = time.monotonic()
    await until(lambda: time.monotonic() - since > seconds)


async def kill(own: Stack, *names: str) -> None:
    for name in names:
        await asyncio.to_thread(own.signal, name, signal.SIGKILL)
    await until(lambda: not {*names} & {*own.pids()})


def rows(own: Stack) -> int:
    with psycopg.connect(own.endpoints.postgres_dsn) as connection:
        found = connection.execute("select count(*) from delivery_claims").fetchone()
    return found[0] if found else 0


def marked_as_sent(own: Stack) -> int:
    """Rows; a kill before its mark repeats a call, as it may."""
    with psycopg.connect(own.endpoints.postgres_dsn) as connection:
        found = connection.execute("select count(*) from delivery_claims where value like 's%'").fetchone()
    return found[0] if found else 0


def sent_once_and_in_order(ground: Ground, mails: Sequence[Delivery], provider: ProviderInMemory) -> bool:
    """Each of them, in the order of its lane."""
    ids = [message.delivery_id for message in provider.sent]
    by_lane: dict[str, list[str]] = {}
    for mail in mails:
        by_lane.setdefault(mail.notification.recipient_id, []).append(mail.delivery_id)
    return len(ids) == len(mails) and all([each for each in ids if each in lane] == lane for lane in by_lane.values())


async def test_redis_killed_under_load_stops_nothing_and_costs_no_duplicate(ground: Ground, own: Stack) -> None:
    provider, mails = ProviderInMemory(takes_seconds=0.005), some_mails(ground)
    async with sending(ground, own, provider) as sender:
        ground.put(*mails[:100])
        await until(lambda: len(provider.calls) > 30)
        await kill(own, REDIS)
        ground.put(*mails[100:])
        await until(lambda: ground.ended(*mails), 30)
        assert sender.state == "ready"
        assert rows(own) >= 100
        await asyncio.to_thread(own.start, REDIS)
        await until(lambda: rows(own) == 0, 40, "the rows to be copied to Redis and dropped")
        await ground.committed()
        with Redis.from_url(own.endpoints.redis_url) as redis:
            kept = {key.decode().split(":", 2)[2]: value for key, value in _claims(redis)}
        assert {kept.get(f"{mail.delivery_id}:0") for mail in mails[100:]} == {b"s1"}
        later = [delivery(ground.who(f"r{lane}"), 21) for lane in range(10)]
        ground.put(*later, *later[:3])  # three of them twice: a copy is known again
        await until(lambda: ground.ended(*later), 30)
        await ground.committed()
    assert sent_once_and_in_order(ground, [*mails, *later], provider)
    assert all(each.attempt == 1 for told in ground.told().values() for each in told)


def _claims(redis: "Redis") -> Iterator[tuple[bytes, bytes]]:
    for key in redis.scan_iter(b"tidings:claim:*", 1_000):
        value = redis.get(key)
        if isinstance(value, bytes):
            yield key, value


async def test_a_redis_that_hangs_is_left_within_its_patience(ground: Ground, own: Stack) -> None:
    provider, mails = ProviderInMemory(), some_mails(ground, each=2)
    async with sending(ground, own, provider):
        ground.put(*mails[:10])
        await until(lambda: ground.ended(*mails[:10]))
        await asyncio.to_thread(own.signal, REDIS, signal.SIGSTOP)
        try:
            began = time.monotonic()
            ground.put(*mails[10:])
            await until(lambda: len(provider.sent) == 20, 10)
            assert time.monotonic() - began < 5
        finally:
            await asyncio.to_thread(own.signal, REDIS, signal.SIGCONT)
        await until(lambda: ground.ended(*mails))
        await until(lambda: rows(own) == 0, 40)
    assert sent_once_and_in_order(ground, mails, provider)


async def test_what_says_hold_waits_for_redis_and_nobody_else_does(ground: Ground, own: Stack) -> None:
    provider = ProviderInMemory()
    first, code = delivery(ground.who("ada"), 1), delivery(ground.who("bob"), 1, type="login.code")
    behind, others = delivery(ground.who("bob"), 2), some_mails(ground, each=3)
    async with sending(ground, own, provider):
        ground.put(first)
        await until(lambda: ground.ended(first))
        await kill(own, REDIS)
        ground.put(code, behind, *others)
        await until(lambda: ground.ended(*others), 30)
        await for_seconds(1.5)
        assert not {code.delivery_id, behind.delivery_id} & {message.delivery_id for message in provider.calls}
        assert ground.dead_letters() == []
        await asyncio.to_thread(own.start, REDIS)
        await until(lambda: ground.ended(code, behind), 40)
        await ground.committed()
    assert sent_once_and_in_order(ground, [first, code, behind, *others], provider)
    assert ground.told()[code.delivery_id][-1].attempt == 1


async def test_a_copy_of_what_says_hold_is_not_called_though_it_is_younger_than_the_assignment(
    ground: Ground, own: Stack
) -> None:
    """Only Redis knows of the first one: no recorder has its end. Why end offsets prove nothing: decision 0010."""
    provider, code = ProviderInMemory(), delivery(ground.who("bob"), 1, type="login.code")
    others = some_mails(ground, each=3)
    async with sending(ground, own, provider):
        ground.put(code)
        await until(lambda: ground.ended(code))
        await ground.committed()
        await kill(own, REDIS)
        ground.put(code, *others)
        await until(lambda: ground.ended(*others), 30)
        await for_seconds(1.5)
        await asyncio.to_thread(own.start, REDIS)
        await until(lambda: len(ground.statuses(code)) == 2, 40, "the copy to be recognised")
        await ground.committed()
    assert sent_once_and_in_order(ground, [code, *others], provider)
    assert ground.statuses(code) == ["sent", "sent"]


async def test_both_away_and_nothing_is_sent_until_the_first_is_back(ground: Ground, own: Stack) -> None:
    provider, mails = ProviderInMemory(takes_seconds=0.005), some_mails(ground, each=12)
    async with sending(ground, own, provider) as sender:
        ground.put(*mails[:40])
        await until(lambda: len(provider.calls) > 15)
        await kill(own, POSTGRES, REDIS)
        ground.put(*mails[40:80])
        await until(lambda: sender.state == "stalled")
        called = len(provider.calls)
        await for_seconds(2)
        assert len(provider.calls) == called
        assert sender.alive(), "a restart would not help"
        await asyncio.to_thread(own.start, POSTGRES)
        await until(lambda: ground.ended(*mails[:80]), 30, "sending with PostgreSQL alone")
        ground.put(*mails[80:])
        await asyncio.to_thread(own.start, REDIS)
        await until(lambda: ground.ended(*mails), 30)
        await ground.committed()
        assert sender.state == "ready"
        await until(lambda: rows(own) == 0, 40)
    assert sent_once_and_in_order(ground, mails, provider)


@pytest.fixture
def config(ground: Ground, own: Stack, tmp_path: Path) -> Config:
    return Config(
        ground.bootstrap,
        own.endpoints.redis_url,
        ground.group,
        ground.name,
        str(tmp_path / "calls"),
        postgres=own.endpoints.postgres_dsn,
    )


@pytest.mark.parametrize("comes_back", ["after", "before"], ids=["its successor has no Redis", "its successor has one"])
async def test_a_sender_killed_while_redis_is_away_loses_nothing_and_repeats_only_its_calls(
    ground: Ground, own: Stack, config: Config, comes_back: str
) -> None:
    first_ones = [delivery(ground.who(f"r{n}")) for n in range(5)]
    hanging = [delivery(ground.who(f"hang{n}")) for n in range(3)]
    behind = [delivery(ground.who(f"hang{n}"), 2) for n in range(3)]
    others = [delivery(ground.who(f"r{n}"), number) for number in (2, 3, 4) for n in range(10)]
    with ground.process(replace(config, hang="hang")) as first:
        ground.put(*first_ones)
        await until(lambda: ground.ended(*first_ones), 30)
        await kill(own, REDIS)
        ground.put(*hanging, *others, *behind)
        await until(lambda: ground.ended(*others) and all(calls(config)[d.delivery_id] for d in hanging), 30)
        await until(lambda: marked_as_sent(own) == len(others), 30)
        first.send_signal(signal.SIGKILL)
        ended(first)
    if comes_back == "before":
        await asyncio.to_thread(own.start, REDIS)
    with ground.process(config) as second:
        await until(lambda: ground.ended(*hanging, *behind, *others), 30)
        if comes_back == "after":
            await asyncio.to_thread(own.start, REDIS)
        await until(lambda: rows(own) == 0, 40)
        await ground.committed()
        second.terminate()
        assert ended(second) == 0, errors(config)
    made: Counter[str] = calls(config)
    assert {made[each.delivery_id] for each in hanging} == {2}
    assert {made[each.delivery_id] for each in (*first_ones, *behind, *others)} == {1}
