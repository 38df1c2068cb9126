"""Rate limits of a sender: what is over one waits its turn, in order and untried, and nobody else waits with it."""

import time
from collections.abc import Sequence
from dataclasses import replace

from connectors.delivery.limiter import Limiter
from connectors.memory.claims import ClaimsInMemory
from connectors.memory.limits import LimitsInMemory
from connectors.memory.provider import ProviderInMemory, transient
from ops.telemetry import metrics
from schemas import headers
from streams.domain.delivery import Message
from streams.domain.notification import Priority
from streams.domain.outcomes import Outcome
from streams.domain.rate_limit import Ask, Lease, RateLimits
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import delivery, policy, recipient
from tests.delivery.desk import Desk, Switched
from tests.delivery.ground import until

LONG_IN_LANE = RetrySchedule.parse("30s,1m")


def count(limit: str) -> float:
    return float(metrics.LIMITED.labels("email", limit)._value.get())


class Timed(ProviderInMemory):
    """Notes when it was called."""

    def __init__(self, name: str = "memory") -> None:
        super().__init__(name)
        self.at: list[float] = []

    async def send(self, message: Message) -> Outcome:
        self.at.append(time.monotonic())
        return await super().send(message)


async def test_without_limits_nothing_is_asked() -> None:
    desk = Desk()
    async with desk.running():
        records = desk.put(*(delivery(f"r{number}", 1, tenant="acme") for number in range(20)))
        await until(lambda: all(map(desk.completed, records)))
    assert desk.limits.asked == 0


async def test_a_provider_is_never_called_more_often_than_its_limit_allows() -> None:
    provider = Timed()
    desk = Desk(provider, limits=RateLimits.parse("provider 50/s burst 5"))
    before = count("provider")
    mails = [delivery(f"r{number % 7}", number) for number in range(30)]
    async with desk.running():
        records = desk.put(*mails)
        await until(lambda: all(map(desk.completed, records)))
    assert {message.attempt for message in provider.sent} == {1}
    assert len(provider.at) == 30
    for first in range(30):
        for last in range(first, 30):
            assert last - first + 1 <= 5 + (provider.at[last] - provider.at[first] + 0.02) * 50
    assert provider.at[-1] - provider.at[0] < 2
    assert count("provider") > before
    for name in range(7):
        mine = [each.notification_id for each in provider.sent if each.notification_id.startswith(f"r{name}-")]
        assert mine == [f"r{name}-{number}" for number in range(name, 30, 7)]


async def test_a_batch_takes_one_lease_for_all_its_calls() -> None:
    desk = Desk(limits=RateLimits.parse("provider 1000/s"))
    async with desk.running():
        records = desk.put(*(delivery(f"r{number}", 1) for number in range(200)))
        await until(lambda: all(map(desk.completed, records)))
    assert desk.limits.asked <= 3


class CountedClaims(ClaimsInMemory):
    """Counts the batches."""

    def __init__(self) -> None:
        super().__init__()
        self.batches = 0

    async def claim(self, owner: bytes, keys: Sequence[bytes]) -> list[int | bytes]:
        self.batches += 1
        return await super().claim(owner, keys)


async def test_limits_of_every_kind_together_are_one_round_trip_a_batch() -> None:
    claims, desk = CountedClaims(), Desk(slots=20, limits=RateLimits.parse("5000/s, tenant 5000/s, recipient 10/s"))
    async with desk.running(replace(desk.parts, claims=claims)):
        records = desk.put(*(delivery(f"r{number}", 1, tenant="acme") for number in range(1_000)))
        await until(lambda: all(map(desk.completed, records)))
    assert claims.batches >= 50
    assert desk.limits.asked <= claims.batches + 5


async def test_a_recipient_over_the_limit_waits_in_order_and_the_other_lanes_go_on() -> None:
    provider = Timed()
    desk = Desk(provider, limits=RateLimits.parse("recipient 5/s burst 1"), schedule=LONG_IN_LANE)
    before = count("recipient")
    async with desk.running():
        to_ada = desk.put(*(delivery("ada", number) for number in range(1, 4)))
        others = desk.put(*(delivery(f"r{number}", 1) for number in range(20)))
        await until(lambda: all(map(desk.completed, others)))
        assert sum(message.notification_id.startswith("ada") for message in provider.sent) == 1
        assert desk.dispatch.in_flight == 0
        await until(lambda: all(map(desk.completed, to_ada)))
    assert [each.notification_id for each in provider.sent if "ada" in each.notification_id] == [
        "ada-1",
        "ada-2",
        "ada-3",
    ]
    assert {message.attempt for message in provider.sent} == {1}
    assert {each["status"] for each in desk.told()} == {"sent"}
    assert count("recipient") == before + 2


async def test_a_tenant_over_the_limit_holds_back_no_other_and_who_has_none_is_not_limited() -> None:
    desk = Desk(limits=RateLimits.parse("tenant 1/h"), schedule=LONG_IN_LANE)
    before = count("tenant")
    async with desk.running():
        first = desk.put(delivery("ada", 1, tenant="acme"))
        await until(lambda: all(map(desk.completed, first)))
        held = desk.put(delivery("bob", 1, tenant="acme"))
        others = desk.put(delivery("eve", 1, tenant="other"), delivery("dan", 1), delivery("dan", 2))
        await until(lambda: all(map(desk.completed, others)))
    assert {message.notification_id for message in desk.provider.sent} == {"ada-1", "eve-1", "dan-1", "dan-2"}
    assert count("tenant") == before + 1
    [parked] = desk.producer.to(desk.policy.topics[3])
    assert parked.headers[headers.ORIGIN_OFFSET] == b"%d" % held[0].offset


class CountedAsks(LimitsInMemory):
    """Counts what is asked for single deliveries."""

    def __init__(self) -> None:
        super().__init__()
        self.asks = 0

    async def lease(self, asks: Sequence[Ask]) -> list[Lease]:
        self.asks += len(asks)
        return await super().lease(asks)


class CountedBacks(LimitsInMemory):
    """Notes how many deliveries gave their tokens back, and when the claims are to be there again: after the first."""

    def __init__(self) -> None:
        super().__init__()
        self.backs = 0

    async def lease(self, asks: Sequence[Ask]) -> list[Lease]:
        self.backs += sum(ask.wanted < 0 for ask in asks)
        return await super().lease(asks)


async def test_what_another_flow_sends_while_the_first_one_waits_for_claims_gives_its_tokens_back() -> None:
    """It is sent, and forgotten, when the first flow comes to it once more."""
    limits, desk = CountedBacks(), Desk(limits=RateLimits.parse("tenant 1000/s"), schedule=LONG_IN_LANE)
    desk.claims.away = True
    async with desk.running(replace(desk.parts, limits=limits)):
        one = desk.put(delivery("ada", 1, tenant="acme", priority=Priority.HIGH))
        await until(lambda: desk.outage.lasts)
        desk.claims.away = False
        two = desk.put(delivery("bob", 1, tenant="acme", priority=Priority.HIGH))  # wakes another flow
        await until(lambda: all(map(desk.completed, [*one, *two])) and limits.backs == 1)


async def test_a_tenant_with_many_lanes_over_its_limit_asks_little_and_gets_all_its_tokens() -> None:
    limits, desk = CountedAsks(), Desk(limits=RateLimits.parse("tenant 200/s burst 20"), schedule=LONG_IN_LANE)
    async with desk.running(replace(desk.parts, limits=limits)):
        began = time.monotonic()
        crowd = desk.put(*(delivery(f"r{number}", 1, tenant="acme") for number in range(300)))
        others = desk.put(*(delivery(f"s{number}", 1, tenant="other") for number in range(20)))
        await until(lambda: all(map(desk.completed, others)))
        assert sum(map(desk.completed, crowd)) <= 20 + 200 // 2  # its tokens of half a second
        await until(lambda: all(map(desk.completed, crowd)))
        took = time.monotonic() - began
    assert 279 / 200 <= took < 4
    assert limits.asks <= 6 * 300  # and not up to 300 for each token


async def test_what_is_urgent_does_not_wait_behind_a_long_queue_of_its_tenant_that_is_not() -> None:
    desk = Desk(limits=RateLimits.parse("tenant 50/s burst 1"), schedule=LONG_IN_LANE)
    async with desk.running():
        desk.put(*(delivery(f"r{number}", 1, tenant="acme", priority=Priority.LOW) for number in range(500)))
        await until(lambda: len(desk.provider.sent) >= 3)
        [urgent] = desk.put(delivery("ada", 1, tenant="acme", priority=Priority.HIGH))
        await until(lambda: desk.completed(urgent), 3)
    assert len(desk.provider.sent) < 100


async def test_a_long_wait_is_spent_in_a_retry_topic_untried_and_what_follows_goes_behind() -> None:
    desk = Desk(limits=RateLimits.parse("recipient 1/m"), schedule=RetrySchedule.parse("5s,10s,30s,2m"))
    async with desk.running():
        records = desk.put(*(delivery("ada", number) for number in range(1, 4)))
        await until(lambda: all(map(desk.completed, records)))
    assert [message.notification_id for message in desk.provider.sent] == ["ada-1"]
    parked = desk.producer.to(desk.policy.topics[4])  # among those that wait for half a minute
    assert [each.headers[headers.ORIGIN_OFFSET] for each in parked] == [b"1", b"2"]
    assert [each.headers[headers.ATTEMPT] for each in parked] == [b"0", b"0"]
    dues = {int(each.headers[headers.NOT_BEFORE]) / 1000 - time.time() for each in parked}
    assert len(dues) <= 2
    assert 50 < min(dues) <= max(dues) <= 60
    assert [each["status"] for each in desk.told()] == ["sent"]


async def test_what_is_not_called_after_all_gives_its_tokens_back() -> None:
    desk = Desk(limits=RateLimits.parse("recipient 1/h, tenant 2/h"))
    desk.recipients.told["eve"] = recipient("eve", addresses={})
    async with desk.running():
        vetoed = desk.put(*(delivery("eve", number, tenant="acme") for number in range(1, 5)))
        await until(lambda: all(map(desk.completed, vetoed)))
        sent = desk.put(delivery("ada", 1, tenant="acme"), delivery("bob", 1, tenant="acme"))
        await until(lambda: all(map(desk.completed, sent)))
    assert {each["reason"] for each in desk.told() if each["status"] == "suppressed"} == {"no_address"}
    assert len(desk.provider.sent) == 2


async def test_limits_that_are_away_are_held_to_by_each_sender_alone() -> None:
    desk = Desk(limits=RateLimits.parse("recipient 1/h, provider 1000/s"))
    desk.limits.away = True
    async with desk.running():
        records = desk.put(delivery("ada", 1), delivery("ada", 2), delivery("bob", 1))
        await until(lambda: all(map(desk.completed, records)))
    assert {message.notification_id for message in desk.provider.sent} == {"ada-1", "bob-1"}


async def test_limits_that_are_away_are_not_asked_for_each_batch() -> None:
    """One that hangs would cost each batch its patience."""
    now = [1_000.0]
    shared = LimitsInMemory()
    limiter = Limiter(policy(limits=RateLimits.parse("provider 1000/s")), shared, lambda: now[0])
    shared.away = True
    for _ in range(5):
        assert (await limiter.fill(["smtp"], 1))[0] == 1
        limiter.spend("smtp")
    assert shared.asked == 1
    shared.away = False
    now[0] += 0.6
    await limiter.fill(["smtp"], 1)
    assert shared.asked == 2


async def test_senders_share_their_limits() -> None:
    shared = LimitsInMemory()
    told = [await calls_to_ada(number, shared) for number in range(2)]
    assert told == [1, 0]


async def calls_to_ada(number: int, shared: LimitsInMemory) -> int:
    """By a sender of its own."""
    desk = Desk(limits=RateLimits.parse("recipient 1/h"))
    async with desk.running(replace(desk.parts, limits=shared)):
        [record] = desk.put(delivery("ada", number))
        await until(lambda: desk.completed(record))
    return len(desk.provider.sent)


async def test_a_delivery_that_fails_over_waits_for_a_token_of_its_new_provider() -> None:
    first, second = Switched("first", transient()), Timed("second")
    desk = Desk(first, second, limits=RateLimits.parse("provider 20/s burst 2"), breaker=None)
    async with desk.running():
        records = desk.put(*(delivery(f"r{number}", 1) for number in range(6)))
        await until(lambda: all(map(desk.completed, records)))
    assert len(second.sent) == 6
    assert second.at[-1] - second.at[0] >= 3 / 20
    assert set(desk.claims.values.values()) == {b"s2"}
