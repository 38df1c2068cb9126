"""kill -9, a frozen process, a Redis that dies: nothing is lost, and what is repeated is known to be ambiguous."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

import pytest

from connectors.delivery.fail_stop import EXIT_CODE
from connectors.memory.provider import ProviderInMemory
from connectors.redis.claims import RedisClaims
from ops.devstack import Endpoints, Stack
from streams.domain.delivery_status import TERMINAL, Status
from tests.delivery.builders import delivery
from tests.delivery.ground import Ground, until
from tests.delivery.sender_process import Config


@pytest.fixture
def config(ground: Ground, servers: Endpoints, tmp_path: Path) -> Config:
    return Config(ground.bootstrap, servers.redis_url, ground.group, ground.name, str(tmp_path / "calls"))


def calls(config: Config) -> Counter[str]:
    """Delivery id -> provider calls."""
    path = Path(config.log)
    return Counter(line.split()[0] for line in path.read_text().splitlines()) if path.exists() else Counter()


def errors(config: Config) -> str:
    return Path(config.log).with_name(f"{config.instance}.stderr").read_text()


def ended(process: Popen[bytes], seconds: float = 15) -> int:
    return process.wait(seconds)


async def test_a_sender_killed_in_the_middle_of_calls_repeats_only_those(ground: Ground, config: Config) -> None:
    hanging = [delivery(ground.who(f"hang{n}")) for n in range(3)]
    behind = [delivery(ground.who(f"hang{n}"), 2) for n in range(3)]
    others = [delivery(ground.who(f"r{n}"), number) for number in (1, 2, 3) for n in range(10)]
    with ground.process(replace(config, hang="hang")) as first:
        ground.put(*hanging, *others, *behind)
        await until(lambda: ground.ended(*others) and all(calls(config)[d.delivery_id] for d in hanging), 30)
        first.send_signal(signal.SIGKILL)
        ended(first)
    with ground.process(config) as second:
        await until(lambda: ground.ended(*hanging, *behind, *others), 30)
        await ground.committed()
        second.terminate()
        assert ended(second) == 0, errors(config)
    made = calls(config)
    assert {made[each.delivery_id] for each in hanging} == {2}
    assert {made[each.delivery_id] for each in (*behind, *others)} == {1}
    for each in (*hanging, *behind, *others):
        ends = {told.status for told in ground.told()[each.delivery_id] if Status(told.status) in TERMINAL}
        assert ends == {"sent"}


async def test_an_ambiguous_call_is_held_for_a_person_when_the_type_says_so(ground: Ground, config: Config) -> None:
    code, next_one = delivery(ground.who("hang"), 1, type="login.code"), delivery(ground.who("hang"), 2)
    with ground.process(replace(config, hang="hang")) as first:
        ground.put(code, next_one)
        await until(lambda: calls(config)[code.delivery_id], 30)
        first.send_signal(signal.SIGKILL)
        ended(first)
    with ground.process(config):
        await until(lambda: ground.ended(code, next_one), 30)
        await ground.committed()
    assert (ground.statuses(code), ground.statuses(next_one)) == (["unknown"], ["sent"])
    assert calls(config)[code.delivery_id] == 1
    [(_, _, told)] = ground.dead_letters()
    assert told["failure_kind"] == b"ambiguous"


async def test_a_sender_that_stood_still_does_not_go_on_beside_its_successor(ground: Ground, config: Config) -> None:
    mail, late = delivery(ground.who("ada"), 1), delivery(ground.who("ada"), 2)
    with ground.process(config) as frozen:
        ground.put(mail)
        await until(lambda: ground.ended(mail), 30)
        frozen.send_signal(signal.SIGSTOP)
        ground.put(late)
        stopped_at = time.monotonic()
        await until(lambda: time.monotonic() - stopped_at > 3.5)
        frozen.send_signal(signal.SIGCONT)
        assert ended(frozen) == EXIT_CODE
        assert "zombie" in errors(config)
    assert calls(config)[late.delivery_id] == 0
    with ground.process(config):
        await until(lambda: ground.ended(late), 30)


async def test_two_processes_of_one_name_do_not_work_side_by_side(ground: Ground, config: Config) -> None:
    mail = delivery(ground.who("ada"), 1)
    with ground.process(config) as first:
        ground.put(mail)
        await until(lambda: ground.ended(mail), 30)
        with ground.process(config):
            assert ended(first, 30) == EXIT_CODE
            later = delivery(ground.who("ada"), 2)
            ground.put(later)
            await until(lambda: ground.ended(later), 30)
    assert "fenced" in errors(config).lower()


@pytest.fixture
def own_valkey() -> Iterator[Stack]:
    """A Valkey of this test's own, to be killed."""
    with Stack(services=("valkey",), tolerate=("valkey",)) as stack:
        yield stack


async def test_a_redis_that_dies_and_comes_back_costs_time_not_deliveries(ground: Ground, own_valkey: Stack) -> None:
    provider, claims = ProviderInMemory(takes_seconds=0.005), RedisClaims.at(own_valkey.endpoints.redis_url)
    names = [ground.who(f"r{n}") for n in range(10)]
    mails = [delivery(name, number) for number in range(1, 21) for name in names]
    async with ground.sender(ground.parts(provider, claims)) as sender:
        ground.put(*mails[:100])
        await until(lambda: len(provider.calls) > 30)
        await asyncio.to_thread(own_valkey.signal, "valkey", signal.SIGKILL)
        ground.put(*mails[100:])
        await until(lambda: sender.state == "stalled")
        called, since = len(provider.calls), time.monotonic()
        await until(lambda: time.monotonic() - since > 0.3)
        assert len(provider.calls) == called
        assert sender.alive(), "a restart would not help"
        await asyncio.to_thread(own_valkey.start, "valkey")
        await until(lambda: ground.ended(*mails), 60)
        await ground.committed()
        assert sender.state == "ready"
    await claims.close()
    assert all(each.attempt == 1 for told in ground.told().values() for each in told)
    in_order = {name: list(range(1, 21)) for name in names}
    sent = {name: [int(m.parts["text"]) for m in provider.sent if m.address == f"{name}@example.org"] for name in names}
    assert {name: list(dict.fromkeys(each)) for name, each in sent.items()} == in_order
    assert sum(map(len, sent.values())) == len(mails), "this process lived on: nothing is ambiguous"


async def test_a_kafka_that_dies_and_comes_back_costs_time_not_deliveries(
    own_kafka: Stack, claims: RedisClaims
) -> None:
    ground = await asyncio.to_thread(Ground, own_kafka.endpoints.kafka_bootstrap_servers)
    provider = ProviderInMemory(takes_seconds=0.005)
    names = [ground.who(f"r{n}") for n in range(10)]
    mails = [delivery(name, number) for number in range(1, 21) for name in names]
    try:
        async with ground.sender(ground.parts(provider, claims)):
            ground.put(*mails[:100])
            await until(lambda: len(provider.calls) > 30)
            await asyncio.to_thread(own_kafka.signal, "kafka", signal.SIGKILL)
            await asyncio.to_thread(own_kafka.start, "kafka")
            await asyncio.to_thread(ground.put, *mails[100:])
            await until(lambda: ground.ended(*mails), 60)
            await ground.committed()
    finally:
        ground.close()
    assert len(provider.sent) == len(mails)
