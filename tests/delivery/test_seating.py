"""What a sender does with deliveries of an unordered type that are more than their recipient may have at a time."""

import asyncio
from collections import Counter, defaultdict
from typing import Any

import pytest

from connectors.delivery import seating
from connectors.delivery.incoming import Record
from connectors.delivery.parked import Waiting
from connectors.delivery.policy import PRIORITIES
from connectors.delivery.read_ahead import Bounds
from connectors.delivery.settle import Settle
from connectors.memory.provider import Hangs, ProviderInMemory, transient
from ops.telemetry import metrics
from schemas import headers, topics
from streams.domain.delivery import Delivery, Message
from streams.domain.notification import Priority
from streams.domain.outcomes import Outcome
from streams.domain.rate_limit import RateLimits
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import Came, delivery, encoded, now_ms, recipient
from tests.delivery.desk import Desk, Gated, some_turns
from tests.delivery.ground import until

PATIENT = RetrySchedule.parse("30s,1m")


def put_alone(desk: Desk, *values: Delivery) -> list[Record]:
    """As the router does for an unordered type: each with its own id as key."""
    made = []
    for value in values:
        priority = value.notification.priority
        topic, key = topics.deliveries(value.channel, priority), value.delivery_id.encode()
        came = Came(topic, desk._next, 0, key, encoded(value))
        made.append(desk.put_raw(came, PRIORITIES.index(priority)))
    return made


def several(count: int, who: str = "ada", first: int = 1, **changes: Any) -> list[Delivery]:
    return [delivery(who, number, **changes) for number in range(first, first + count)]


class Crowd(ProviderInMemory):
    """Knows how many calls for each address were under way at a time. Each takes a few turns of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: Counter[str] = Counter()
        self.most: dict[str, int] = defaultdict(int)

    async def send(self, message: Message) -> Outcome:
        who = message.address.partition("@")[0]
        self.under_way[who] += 1
        self.most[who] = max(self.most[who], self.under_way[who])
        try:
            await some_turns()
            return await super().send(message)
        finally:
            self.under_way[who] -= 1


async def test_a_recipient_has_never_more_under_way_than_its_seats_and_all_are_sent() -> None:
    provider = Crowd()
    desk = Desk(provider, slots=50, recipient_at_once=3, schedule=PATIENT)
    async with desk.running():
        records = put_alone(desk, *several(100), *several(100, "bob", priority=Priority.HIGH))
        records += desk.put(*several(5, "eve"))
        await until(lambda: all(map(desk.completed, records)))
        assert desk.dispatch.in_flight == 0
    assert provider.most == {"ada": 3, "bob": 3, "eve": 1}
    assert Counter(message.delivery_id for message in provider.calls).most_common(1)[0][1] == 1
    assert len(provider.sent) == 205
    assert {told["attempt"] for told in desk.told()} == {1}


async def test_those_of_a_slow_endpoint_take_no_slot_from_others_and_are_counted_as_limited() -> None:
    desk = Desk(slots=8, recipient_at_once=4, schedule=PATIENT)
    desk.provider.script([Hangs()] * 100, "ada@example.org")
    before = metrics.LIMITED.labels("email", "at_once")._value.get()
    async with desk.running():
        put_alone(desk, *several(60))
        others = put_alone(desk, *(delivery(f"r{number}") for number in range(100)))
        await until(lambda: all(map(desk.completed, others)))
        assert desk.dispatch.in_flight == 4
        assert sum(message.address == "ada@example.org" for message in desk.provider.calls) == 4
    assert metrics.LIMITED.labels("email", "at_once")._value.get() == before + 56


async def test_ordered_deliveries_need_no_seat() -> None:
    provider = Gated()
    desk = Desk(provider, recipient_at_once=1, schedule=PATIENT)
    async with desk.running():
        put_alone(desk, *several(3))
        await until(lambda: desk.dispatch.in_flight == 1)
        ordered = [delivery("ada", 10 + n, priority=priority) for n, priority in enumerate(Priority)]
        records = desk.put(*ordered)
        await until(lambda: desk.dispatch.in_flight == 4)
        provider.gate.set()
        await until(lambda: all(map(desk.completed, records)))


async def test_a_seat_is_free_again_however_its_delivery_ended() -> None:
    """Suppressed, failed and tried again, over its own limit: whoever has a seat gives it up."""
    desk = Desk(recipient_at_once=2, schedule=RetrySchedule.parse("20ms,300ms"), limits=RateLimits.parse("tenant 2/h"))
    desk.provider.script([transient(), transient()], "ada@example.org")
    desk.recipients.told["eve"] = recipient("eve", addresses={})
    gone = several(6, "eve")
    expired = several(6, "bob", expires_at=now_ms() - 1)
    failing = several(6, "ada")
    limited = several(6, "dan", tenant="acme")
    async with desk.running():
        records = put_alone(desk, *gone, *expired, *failing, *limited)
        await until(lambda: all(map(desk.completed, records)))
        assert desk.dispatch.in_flight == 0
        assert desk.ownership.assignment.seats._rows == {}
    assert Counter(told["status"] for told in desk.told()) == {
        "suppressed": 6,
        "expired": 6,
        "retrying": 2,
        "sent": 8,
    }


@pytest.mark.parametrize("away", ["claims", "recipients"])
async def test_while_a_server_is_away_seats_are_given_up_and_nothing_is_lost(away: str) -> None:
    desk = Desk(recipient_at_once=2, schedule=PATIENT)
    server = desk.claims if away == "claims" else desk.recipients
    server.away = True
    async with desk.running():
        records = put_alone(desk, *several(20))
        await until(lambda: desk.outage.lasts)
        await some_turns()
        assert (desk.dispatch.in_flight, desk.provider.calls) == (0, [])
        server.away = False
        await until(lambda: all(map(desk.completed, records)))
        assert desk.ownership.assignment.seats._rows == {}
    assert len(desk.provider.sent) == 20


async def test_who_waits_longer_than_the_first_delay_goes_to_a_retry_topic_untried_and_without_a_status() -> None:
    provider = Gated()
    desk = Desk(provider, recipient_at_once=2, schedule=RetrySchedule.parse("50ms,300ms,1s"))
    async with desk.running():
        records = put_alone(desk, *several(6))
        await until(lambda: all(map(desk.completed, records[2:])))
        assert desk.dispatch.in_flight == 2
        assert desk.ownership.assignment.seats.kept == 0
        came_back = list(desk.producer.to(desk.policy.topics[3]))
        provider.gate.set()
        await until(lambda: all(map(desk.completed, records)))
    assert [each.headers[headers.ORIGIN_OFFSET] for each in came_back] == [b"%d" % n for n in range(2, 6)]
    assert {each.headers[headers.ATTEMPT] for each in came_back} == {b"0"}
    assert len(provider.calls) == 2
    assert [told["status"] for told in desk.told()] == ["sent", "sent"]


async def test_more_than_may_be_kept_of_a_partition_go_to_a_retry_topic_at_once() -> None:
    kept = Bounds().share(1) // 4
    desk = Desk(slots=kept * 2, batch=kept * 2, recipient_at_once=2, schedule=RetrySchedule.parse("5s,30s"))
    desk.provider.script([Hangs()] * 2, "ada@example.org")
    began = now_ms()
    async with desk.running():
        records = put_alone(desk, *several(2 + kept + 148))
        await until(lambda: all(map(desk.completed, records[2 + kept :])))
        assert desk.ownership.assignment.seats.kept == kept
        assert not any(map(desk.completed, records[: 2 + kept]))
        [bob] = desk.put(delivery("bob"))
        await until(lambda: desk.completed(bob))
    away = desk.producer.to(desk.policy.topics[3])
    assert len(away) == 148
    assert min(int(each.headers[headers.NOT_BEFORE]) for each in away) >= began + 5_000


async def test_when_those_that_waited_long_cannot_be_sent_away_the_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They stand in no line any more: nobody would come to them again."""
    ended = list[object]()
    monkeypatch.setattr(seating, "fail_stop", ended.append)
    desk = Desk(slots=8, recipient_at_once=1, schedule=RetrySchedule.parse("40ms,30s"))
    desk.provider.script([Hangs()], "ada@example.org")

    def broken(*_: object) -> None:
        raise RuntimeError("no way")

    monkeypatch.setattr(Settle, "wait_for_limit", broken)
    async with desk.running():
        put_alone(desk, *several(3))
        await until(lambda: bool(ended))
    assert str(ended[0]) == "no way"


async def test_what_is_kept_when_partitions_are_given_up_is_left_to_the_new_owner() -> None:
    provider = Gated()
    desk = Desk(provider, recipient_at_once=2, schedule=RetrySchedule.parse("50ms,300ms"))
    async with desk.running():
        mails = several(6)
        put_alone(desk, *mails)
        await until(lambda: desk.dispatch.in_flight == 2)
        await some_turns()
        old = desk.ownership.assignment
        assert old.seats.kept == 4
        desk.assign(b"run.2")
        provider.gate.set()
        await until(lambda: desk.dispatch.in_flight == 0)
        await until(lambda: desk.dispatch.attempts.seating._watched is None)  # it has looked who is kept for too long
        assert len(provider.calls) == 2
        assert desk.producer.to(desk.policy.topics[3]) == []
        again = put_alone(desk, *mails)
        await until(lambda: all(map(desk.completed, again)))
    assert len(provider.sent) == 6
    assert Counter(told["delivery_id"] for told in desk.told() if told["status"] == "sent").keys() == {
        mail.delivery_id for mail in mails
    }


async def test_a_batch_that_is_given_up_while_it_is_decoded_leaves_the_count_exact() -> None:
    desk = Desk(slots=200, recipient_at_once=2, schedule=PATIENT)
    async with desk.running():
        put_alone(desk, *several(50))
        desk.put(*(delivery(f"r{number}") for number in range(50)))
        while not desk.dispatch.in_flight:
            await asyncio.sleep(0)
        desk.assign(b"run.2")
        await some_turns()
        assert desk.dispatch.in_flight == 0
    assert desk.provider.calls == []
    assert desk.producer.written == []


async def test_while_it_drains_nobody_is_called_to_a_seat_that_comes_free() -> None:
    provider = Gated()
    desk = Desk(provider, recipient_at_once=2, schedule=PATIENT)
    async with desk.running():
        put_alone(desk, *several(6))
        await until(lambda: desk.dispatch.in_flight == 2)
        desk.ownership.draining = True
        provider.gate.set()
        await until(lambda: desk.dispatch.in_flight == 0)
        await some_turns()
        assert len(provider.calls) == 2
        desk.ownership.draining = False
        desk.dispatch.wake()
        await until(lambda: len(provider.sent) == 6)


async def test_a_poison_record_with_a_key_of_its_own_takes_no_seat() -> None:
    desk = Desk(recipient_at_once=1, schedule=PATIENT)
    async with desk.running():
        poison = [desk.put_raw(Came("deliveries.email.normal", n, 0, b"own-%d" % n, b"no avro"), 1) for n in range(3)]
        records = put_alone(desk, *several(3))
        await until(lambda: all(map(desk.completed, [*poison, *records])))
        assert desk.dispatch.in_flight == 0
        assert desk.ownership.assignment.seats._rows == {}
    assert len(desk.producer.to(topics.DEAD_LETTERS)) == 3


async def test_one_that_got_its_seat_and_goes_behind_an_older_copy_gives_it_up() -> None:
    provider = Gated()
    desk = Desk(provider, recipient_at_once=1, schedule=PATIENT)
    async with desk.running():
        first, twice, last = several(3)
        records = put_alone(desk, first, twice, last)
        await until(lambda: desk.ownership.assignment.seats.kept == 2)
        desk.ownership.assignment.parked.put(records[1].lane, 0, Waiting(0, now_ms() + 60_000))
        provider.gate.set()
        await until(lambda: all(map(desk.completed, records)))
        assert desk.ownership.assignment.seats._rows == {}
    assert [message.delivery_id for message in provider.sent] == [first.delivery_id, last.delivery_id]
    assert len(desk.producer.to(desk.policy.topics[3])) == 1
