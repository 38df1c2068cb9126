"""What a sender does while a provider is down: it stops calling, another takes over, nobody's attempts are burnt."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.memory.breakers import BreakersInMemory
from connectors.memory.provider import Hangs, permanent, transient
from ops.telemetry import metrics
from streams.domain.breaker import OPEN, Breaker, BreakerPolicy, Slice, Tally
from streams.domain.failures import Failure, FailureKind
from streams.domain.outcomes import ProviderCall, RetryLater
from streams.domain.ports import Told
from streams.domain.recipient import Recipient
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import EveryRecipient, claim_key, delivery
from tests.delivery.desk import Desk, Gated, Switched, some_turns
from tests.delivery.ground import until

POLICY = BreakerPolicy(min_calls=4, open_for=timedelta(milliseconds=100), probes=2)
LONG = replace(POLICY, open_for=timedelta(seconds=20))
SLOWLY = RetrySchedule.parse("10h,20h")  # what fails waits for longer than the test


def failover_count(provider: str) -> float:
    return float(metrics.FAILOVERS.labels("email", provider)._value.get())


def state_of(provider: str) -> float:
    return float(metrics.BREAKER.labels("email", provider)._value.get())


async def test_a_provider_that_fails_is_left_alone_and_the_next_one_takes_over() -> None:
    first, second = Switched("first", transient()), Switched("second")
    desk = Desk(first, second, breaker=LONG, slots=2)
    mails = [delivery(f"r{number}", 1) for number in range(30)]
    before = failover_count("second")
    async with desk.running():
        records = desk.put(*mails)
        await until(lambda: all(map(desk.completed, records)))
        assert state_of("first") == 2
    assert 4 <= len(first.calls) <= 5  # one more may have been under way
    assert len(second.sent) == 30
    assert failover_count("second") == before + 30
    assert {each["attempt"] for each in desk.told() if each["status"] == "sent"} == {1, 2}


async def test_a_delivery_that_failed_at_one_provider_goes_to_the_next_and_keeps_its_place() -> None:
    first, second = Switched("first", transient()), Switched("second")
    desk = Desk(first, second, breaker=replace(LONG, min_calls=1_000))
    mails = [delivery("ada", number) for number in range(1, 5)]
    async with desk.running():
        records = desk.put(*mails)
        await until(lambda: all(map(desk.completed, records)))
    assert [message.notification_id for message in second.sent] == ["ada-1", "ada-2", "ada-3", "ada-4"]
    assert [message.attempt for message in second.sent] == [2, 2, 2, 2]
    assert [message.attempt for message in first.calls] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("kind", "goes_to"), [(b"transient", "second"), (b"throttled", "first")], ids=["transient", "throttled"]
)
async def test_a_retry_record_says_where_it_failed(kind: bytes, goes_to: str) -> None:
    first, second = Switched("first"), Switched("second")
    desk = Desk(first, second)
    told = [("priority", b"normal"), ("origin_offset", b"0"), ("not_before", b"1"), ("attempt", b"1"),
            ("failure_kind", kind), ("provider", b"first")]  # fmt: skip
    async with desk.running():
        desk.put_retry(delivery(), told)
        await until(lambda: first.sent or second.sent)
    assert bool(first.sent) is (goes_to == "first")


async def test_a_throttled_delivery_stays_with_its_provider() -> None:
    soon = Failure(FailureKind.THROTTLED, "429", retry_after=timedelta(milliseconds=1))
    first, second = Switched("first"), Switched("second")
    first.script([RetryLater(soon, ProviderCall("first", 0, 1.0))])
    desk, mail = Desk(first, second, schedule=RetrySchedule.parse("2s,3s")), delivery()
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert (len(first.calls), len(second.calls)) == (2, 0)


@pytest.mark.parametrize(("kind", "statuses"), [("order.shipped", ["retrying", "sent"]), ("login.code", ["unknown"])])
async def test_a_call_that_may_have_arrived_goes_to_another_provider_only_if_the_type_says_resend(
    kind: str, statuses: list[str]
) -> None:
    lost = RetryLater(Failure(FailureKind.TRANSIENT, "lost", ambiguous=True), ProviderCall("first", 0, 1.0))
    first, second = Switched("first", lost), Switched("second")
    desk, mail = Desk(first, second), delivery(type=kind)
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert desk.statuses(mail) == statuses
    assert len(second.calls) == len(statuses) - 1


async def test_the_only_provider_is_not_called_while_it_is_down_and_probes_bring_it_back() -> None:
    provider = Switched(answer=transient())
    desk = Desk(provider, breaker=replace(POLICY, open_for=timedelta(milliseconds=800)), schedule=SLOWLY)
    async with desk.running():
        desk.put(*(delivery(f"early{number}", 1) for number in range(4)))
        await until(lambda: state_of("memory") == 2, what="an open breaker")
        waiting = [delivery(f"late{number % 20}", number) for number in range(60)]
        records = desk.put(*waiting)
        await some_turns()
        assert len(provider.calls) == 4
        assert (desk.dispatch.in_flight, desk.claims.values.get(claim_key(waiting[0]))) == (0, None)
        provider.answer = None
        await until(lambda: all(map(desk.completed, records)))
    assert {message.attempt for message in provider.sent} == {1}
    for number in range(20):
        mine = [each.notification_id for each in provider.sent if each.notification_id.startswith(f"late{number}-")]
        assert mine == [f"late{number}-{each}" for each in (number, number + 20, number + 40)]


async def test_a_probe_that_fails_opens_it_again_and_no_more_than_the_probes_are_called() -> None:
    provider = Switched(answer=transient())
    desk = Desk(provider, breaker=POLICY, schedule=SLOWLY)
    async with desk.running():
        desk.put(*(delivery(f"early{number}", 1) for number in range(4)))
        await until(lambda: len(provider.calls) == 4)
        desk.put(*(delivery(f"late{number}", 1) for number in range(50)))
        began = time.monotonic()
        await until(lambda: desk.breakers.breakers["email/memory"].failed_turns >= 2, what="two turns that failed")
        turns = desk.breakers.breakers["email/memory"].turn
        assert time.monotonic() - began >= 0.3  # 100 ms, then 200 ms
    assert len(provider.calls) <= 4 + turns * POLICY.probes


async def test_what_one_sender_finds_out_another_one_knows() -> None:
    shared = BreakersInMemory()
    down, mails = Switched(answer=transient()), [delivery(f"r{number}", 1) for number in range(4)]
    finder, other = (Desk(down, breaker=LONG, schedule=SLOWLY) for _ in range(2))
    async with finder.running(replace(finder.parts, breakers=shared)):
        finder.put(*mails)
        await until(lambda: shared.breakers["email/memory"].state is OPEN)
    async with other.running(replace(other.parts, breakers=shared)):
        other.put(*mails)
        await some_turns()
    assert len(down.calls) == 4


async def test_breakers_that_are_away_hold_nothing_back_and_each_sender_goes_by_its_own_calls() -> None:
    provider = Switched()
    desk = Desk(provider, breaker=LONG, schedule=SLOWLY)
    desk.breakers.away = True
    async with desk.running():
        records = desk.put(delivery("ada"))
        await until(lambda: all(map(desk.completed, records)))
        provider.answer = transient()
        desk.put(*(delivery(f"r{number}", 1) for number in range(4)))
        await until(lambda: state_of("memory") == 2)
        called = len(provider.calls)
        desk.put(*(delivery(f"s{number}", 1) for number in range(9)))
        await some_turns()
        assert len(provider.calls) == called <= 5
        desk.breakers.away = False
        await until(lambda: "email/memory" in desk.breakers.breakers)


@pytest.mark.parametrize("answer", [permanent(), RetryLater(Failure(FailureKind.THROTTLED, "429"))])
async def test_refused_addresses_and_throttled_calls_do_not_open_it(answer: Any) -> None:
    provider = Switched(answer=answer)
    desk = Desk(provider, breaker=LONG, schedule=SLOWLY)
    async with desk.running():
        desk.put(*(delivery(f"r{number}", 1) for number in range(30)))
        await until(lambda: len(provider.calls) == 30)
        await until(lambda: desk.breakers.breakers["email/memory"].calls == 30)
    assert desk.breakers.breakers["email/memory"].failed == 0


async def test_calls_that_hang_open_it_before_they_have_ended() -> None:
    first, second = Switched("first", Hangs()), Switched("second")
    policy = replace(LONG, slow_after=timedelta(milliseconds=50))
    desk = Desk(first, second, breaker=policy, slots=4)
    async with desk.running():
        desk.put(*(delivery(f"r{number}", 1) for number in range(4)))
        records = desk.put(*(delivery(f"s{number}", 1) for number in range(9)))
        await until(lambda: len(first.calls) == 4)
        assert desk.dispatch.in_flight == 4  # every slot
        await until(lambda: all(map(desk.completed, records)))
        assert desk.breakers.breakers["email/first"].state is OPEN
        assert desk.dispatch.in_flight == 4
    assert (len(first.calls), len(second.sent)) == (4, 9)


async def test_while_all_slots_hang_the_only_provider_is_probed_all_the_same() -> None:
    provider = Switched(answer=Hangs())
    policy = replace(POLICY, slow_after=timedelta(milliseconds=50))
    desk = Desk(provider, breaker=policy, slots=4)
    async with desk.running():
        desk.put(*(delivery(f"r{number}", 1) for number in range(4)))
        await until(lambda: state_of("memory") == 2, what="an open breaker")
        provider.answer = None
        records = desk.put(*(delivery(f"s{number}", 1) for number in range(9)))
        await until(lambda: all(map(desk.completed, records)))
        assert state_of("memory") == 0
    assert len(provider.calls) == 13


async def test_a_provider_measured_far_below_the_next_goes_behind_it() -> None:
    first, second = Switched("first"), Switched("second")
    desk = Desk(first, second)
    number = int(time.time() * 1000) // desk.policy.breaker.slice_ms if desk.policy.breaker else 0
    desk.breakers.breakers["email/first"] = Breaker(slices=(Slice(number, 100, 40, 0),))
    desk.breakers.breakers["email/second"] = Breaker(slices=(Slice(number, 50, 2, 0),))
    async with desk.running():
        records = desk.put(delivery("ada"))
        await until(lambda: all(map(desk.completed, records)))
    assert (len(first.sent), len(second.sent)) == (0, 1)


async def test_calls_that_hang_keep_no_slots_also_while_the_breaker_is_closed() -> None:
    provider = Switched(answer=Hangs())
    desk = Desk(provider, breaker=replace(LONG, slow_after=timedelta(milliseconds=50), min_calls=1_000), slots=4)
    async with desk.running():
        desk.put(*(delivery(f"r{number}", 1) for number in range(4)))
        await until(lambda: desk.dispatch.in_flight == 4)
        provider.answer = None
        records = desk.put(*(delivery(f"s{number}", 1) for number in range(9)))
        await until(lambda: all(map(desk.completed, records)))
        assert state_of("memory") == 0


class SlowToFind(EveryRecipient):
    """Knows nobody until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.asked: list[str] = []

    async def find(self, recipient_ids: Sequence[str]) -> Mapping[str, Recipient]:
        self.asked += recipient_ids
        if "ada" in recipient_ids:
            await self.gate.wait()
        return await super().find(recipient_ids)


async def test_what_was_claimed_when_the_breaker_opened_goes_back_unclaimed() -> None:
    provider, found, mail = Gated(), SlowToFind(), delivery("ada")
    desk = Desk(provider, breaker=replace(LONG, min_calls=1), schedule=SLOWLY)
    async with desk.running(replace(desk.parts, recipients=found)):
        provider.script([transient()])
        desk.put(delivery("bob"))
        await until(lambda: desk.dispatch.in_flight == 1)
        desk.put(mail)
        await until(lambda: "ada" in found.asked)
        provider.gate.set()
        await until(lambda: state_of("memory") == 2)
        found.gate.set()
        await until(lambda: desk.dispatch.in_flight == 0)
        assert desk.claims.values[claim_key(mail)] == b"r"
        assert len(provider.calls) == 1
        assert desk.ownership.assignment.lanes.runnable == 1


async def test_without_a_breaker_nothing_is_counted_and_nothing_is_told() -> None:
    provider = Switched(answer=transient())
    desk = Desk(provider, breaker=None, schedule=SLOWLY)
    async with desk.running():
        desk.put(*(delivery(f"r{number}", 1) for number in range(40)))
        await until(lambda: len(provider.calls) == 40)
    assert desk.breakers.breakers == {}


class Counted(BreakersInMemory):
    """Counts the round trips."""

    def __init__(self) -> None:
        super().__init__()
        self.reports = 0

    async def report(self, provider: str, policy: BreakerPolicy, tally: Tally, wanted: int) -> Told:
        self.reports += 1
        return await super().report(provider, policy, tally, wanted)


async def test_while_all_goes_well_it_is_told_twice_a_second_however_many_batches_there_are() -> None:
    counted, desk = Counted(), Desk(slots=4)
    async with desk.running(replace(desk.parts, breakers=counted)):
        began = time.monotonic()
        records = desk.put(*(delivery(f"r{number}", 1) for number in range(1_000)))
        await until(lambda: all(map(desk.completed, records)))
        assert counted.reports <= 1 + 2 * (time.monotonic() - began + 0.1)
        await until(lambda: counted.breakers["email/memory"].calls == 1_000)


async def test_two_providers_of_one_name_are_refused() -> None:
    desk = Desk(Switched("smtp"), Switched("smtp"))
    with pytest.raises(ValueError, match="one name"):
        async with desk.running():
            raise AssertionError("never here")
