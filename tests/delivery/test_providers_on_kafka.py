"""Providers that fail and limits that hold back, on real topics, with breakers and limits in Valkey."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.delivery.parts import SenderParts
from connectors.memory.provider import ProviderInMemory, transient
from connectors.redis.breakers import RedisBreakers
from connectors.redis.claims import RedisClaims
from connectors.redis.client import RedisServer
from connectors.redis.limits import RedisLimits
from ops.devstack import Endpoints
from streams.domain.breaker import BreakerPolicy
from streams.domain.delivery import Message
from streams.domain.outcomes import Outcome
from streams.domain.rate_limit import RateLimits
from tests.delivery.builders import delivery
from tests.delivery.desk import Switched
from tests.delivery.ground import Ground, until

BREAKER = BreakerPolicy(min_calls=5, open_for=timedelta(milliseconds=200), open_at_most=timedelta(seconds=1), probes=2)


@pytest.fixture
async def redis(servers: Endpoints) -> AsyncIterator[RedisServer]:
    made = RedisServer(servers.redis_url, 5)
    yield made
    await made.close()


def shared(parts: SenderParts, redis: RedisServer, *standby: ProviderInMemory) -> SenderParts:
    return replace(parts, standby=standby, breakers=RedisBreakers(redis.client), limits=RedisLimits(redis.client))


def numbers(sent: list[Message], who: str) -> list[int]:
    """Of the deliveries to this recipient, in the order of the calls."""
    return [int(message.notification_id.rsplit("-", 1)[1]) for message in sent if message.address.startswith(f"{who}@")]


async def test_two_senders_leave_a_provider_that_fails_and_the_next_one_gets_everything_in_order(
    ground: Ground, claims: RedisClaims, redis: RedisServer
) -> None:
    first, second = Switched(f"a-{ground.name}", transient()), ProviderInMemory(f"b-{ground.name}")
    parts = shared(ground.parts(first, claims), redis, second)
    policy = replace(ground.policy, breaker=replace(BREAKER, open_for=timedelta(seconds=30)))
    who = [ground.who(f"r{number}") for number in range(25)]
    mails = [delivery(name, number) for number in range(1, 9) for name in who]
    async with ground.sender(parts, policy), ground.sender(parts, replace(policy, instance=f"{ground.name}-2")):
        ground.put(*mails)
        await until(lambda: ground.ended(*mails))
        await ground.committed()
    assert all(ground.statuses(mail)[-1] == "sent" for mail in mails)
    assert all(numbers(second.sent, name) == list(range(1, 9)) for name in who)
    assert 5 <= len(first.calls) <= 30  # a first wave; then it is left alone
    assert ground.dead_letters() == []


async def test_an_outage_longer_than_the_schedule_burns_no_attempts_and_ends_by_itself(
    ground: Ground, claims: RedisClaims, redis: RedisServer
) -> None:
    only = Switched(f"a-{ground.name}", transient())
    parts = shared(ground.parts(only, claims), redis)
    who = [ground.who(f"r{number}") for number in range(60)]
    mails = [delivery(name, number) for number in range(1, 4) for name in who]
    async with ground.sender(parts, replace(ground.policy, breaker=BREAKER, slots=8)):
        ground.put(*mails)
        await until(lambda: len(only.calls) >= 5)
        lasts_until = time.monotonic() + 3  # all delays of the schedule are 1.4 s
        await until(lambda: time.monotonic() > lasts_until)
        called = len(only.calls)
        only.answer = None
        await until(lambda: ground.ended(*mails))
        await ground.committed()
    assert called <= 8 + 2 * 6  # what was under way, and two probes a turn
    assert all(numbers(only.sent, name) == [1, 2, 3] for name in who)
    assert ground.dead_letters() == []
    untouched = [mail for mail in mails if ground.statuses(mail) == ["sent"]]
    assert len(untouched) >= len(mails) - called
    assert {ground.told()[mail.delivery_id][0].attempt for mail in untouched} == {1}


async def test_a_sender_that_stops_while_its_breaker_is_open_hands_on_what_waits_and_what_it_knows(
    ground: Ground, claims: RedisClaims, redis: RedisServer
) -> None:
    only = Switched(f"a-{ground.name}", transient())
    parts = shared(ground.parts(only, claims), redis)
    policy = replace(
        ground.policy, breaker=replace(BREAKER, open_for=timedelta(seconds=4), open_at_most=timedelta(seconds=4))
    )
    who = [ground.who(f"r{number}") for number in range(30)]
    mails = [delivery(name, number) for number in range(1, 3) for name in who]
    async with ground.sender(parts, policy) as sender:
        ground.put(*mails[:5])
        await until(lambda: len(only.calls) >= 5)
        ground.put(*mails[5:])
        await until(lambda: sender.state == "ready")
        began = time.monotonic()
    assert time.monotonic() - began < 3
    called, only.answer = len(only.calls), None
    async with ground.sender(shared(ground.parts(only, claims), redis), policy):
        assert len(only.calls) == called  # it knows before it takes anything
        await until(lambda: ground.ended(*mails))
        await ground.committed()
    assert all(numbers(only.sent, name) == [1, 2] for name in who)
    assert ground.dead_letters() == []


class Timed(ProviderInMemory):
    """Notes when each address was called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.at: dict[str, list[float]] = {}

    async def send(self, message: Message) -> Outcome:
        self.at.setdefault(message.address.split("@")[0], []).append(time.monotonic())
        return await super().send(message)


async def test_over_a_limit_a_lane_waits_in_a_retry_topic_untried_and_in_order_while_others_go_on(
    ground: Ground, claims: RedisClaims, redis: RedisServer
) -> None:
    provider = Timed(f"a-{ground.name}")
    parts = shared(ground.parts(provider, claims), redis)
    ada, others = ground.who("ada"), [ground.who(f"r{number}") for number in range(40)]
    slow, quick = [delivery(ada, number) for number in range(1, 6)], [delivery(name) for name in others]
    async with ground.sender(parts, replace(ground.policy, limits=RateLimits.parse("recipient 2/s burst 1"))):
        ground.put(*slow, *quick)
        await until(lambda: ground.ended(*quick))
        assert not ground.ended(*slow)
        await until(lambda: ground.ended(*slow))
        await ground.committed()
    assert numbers(provider.sent, ada) == [1, 2, 3, 4, 5]
    told = ground.told()
    assert [[(each.status, each.attempt) for each in told[mail.delivery_id]] for mail in slow] == [[("sent", 1)]] * 5
    gaps = [b - a for a, b in zip(provider.at[ada], provider.at[ada][1:], strict=False)]
    assert min(gaps) > 0.45
    assert max(gaps) < 1.5
