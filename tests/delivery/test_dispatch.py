"""From a runnable lane to the provider call, and what keeps a delivery from it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.memory.provider import Hangs, Raises
from connectors.unavailable import Unavailable
from ops.telemetry import metrics
from schemas import headers, topics
from schemas.codec import Codec, versions
from streams.domain.claim_marks import read_end
from streams.domain.delivery import Delivery, Message
from streams.domain.notification import Channel
from streams.domain.preferences import Choice, Preference
from streams.domain.rendering import RenderingFailed
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import Came, claim_key, delivery, encoded, now_ms, recipient
from tests.delivery.desk import Desk, some_turns
from tests.delivery.ground import until


@pytest.mark.parametrize("away", ["claims", "recipients"])
async def test_while_claims_or_recipients_are_away_nothing_is_called_and_nothing_is_lost(away: str) -> None:
    desk = Desk()
    mails = [delivery(number=1), delivery(number=2), delivery("bob", 1)]
    async with desk.running():
        server = desk.claims if away == "claims" else desk.recipients
        server.away = True
        records = desk.put(*mails)
        await until(lambda: desk.outage.lasts)
        await some_turns()
        assert desk.provider.calls == []
        assert desk.dispatch.in_flight == 0
        server.away = False
        await until(lambda: all(map(desk.completed, records)))
    assert not desk.outage.lasts
    to_ada = [message.notification_id for message in desk.provider.sent if message.notification_id[:3] == "ada"]
    assert to_ada == ["ada-1", "ada-2"]


async def test_a_recipient_who_cannot_be_looked_up_waits_untried_and_holds_back_nobody_else() -> None:
    desk = Desk(schedule=RetrySchedule.parse("5s,30s"))
    desk.recipients.uncached = {"eve"}
    unknown, behind, known = delivery("eve", 1), delivery("eve", 2), delivery("ada", 1)
    async with desk.running():
        first, second, third = desk.put(unknown, behind, known)
        await until(lambda: desk.completed(third))
        assert [message.notification_id for message in desk.provider.calls] == ["ada-1"]
        desk.recipients.uncached = set()
        await until(lambda: desk.completed(first) and desk.completed(second))
    assert [message.notification_id for message in desk.provider.sent] == ["ada-1", "eve-1", "eve-2"]
    assert {told["attempt"] for told in desk.told()} == {1}


class OneSchema:
    """A schema registry that knows our Delivery as number 7 and can be away."""

    away = True

    def id_of(self, name: str) -> int:
        return 1

    def schema_of(self, schema_id: int) -> Mapping[str, Any] | None:
        if self.away:
            raise Unavailable("the schema registry")
        return dict(versions("Delivery")[-1]) if schema_id == 7 else None


async def test_what_only_a_registry_that_is_away_could_read_waits_for_it_and_delays_nobody_else() -> None:
    desk, registry = Desk(), OneSchema()
    unread, other = delivery("ada"), delivery("bob")
    async with desk.running(replace(desk.parts, codec=Codec(registry))):
        framed = b"\x00\x00\x00\x00\x07" + encoded(unread)[10:]
        waiting = desk.put_raw(Came("deliveries.email.normal", 0, 0, b"ada", framed), 1)
        [record] = desk.put(other)
        await until(lambda: desk.completed(record))
        assert not desk.completed(waiting)
        registry.away = False
        await until(lambda: desk.completed(waiting))
    assert desk.statuses(unread) == ["sent"]
    assert desk.producer.to(topics.DEAD_LETTERS) == []


async def test_an_ambiguous_delivery_is_sent_again_when_its_type_says_resend() -> None:
    desk, mail = Desk(), delivery()
    async with desk.running():
        await desk.claims.claim(b"killed.1", [claim_key(mail)])
        before = metrics.AMBIGUOUS.labels("email")._value.get()
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
        assert metrics.AMBIGUOUS.labels("email")._value.get() == before + 1
    assert desk.statuses(mail) == ["sent"]


async def test_the_last_veto_drops_and_says_which_rule_of_which_layer() -> None:
    desk = Desk()
    muted, expired = delivery("ada"), delivery("bob", expires_at=now_ms() - 1)
    choice = Choice(False, category="shipping")
    desk.recipients.told["ada"] = recipient("ada", preference=Preference("ada", 2, choices=(choice,)))
    async with desk.running():
        records = desk.put(muted, expired)
        await until(lambda: all(map(desk.completed, records)))
    told = {each["recipient_id"]: (each["status"], each["layer"], each["reason"]) for each in desk.told()}
    assert told["ada"] == ("suppressed", "recipient", "category:shipping")
    assert told["bob"] == ("expired", None, "expires_at")
    assert desk.provider.calls == []
    marked = {found.end for value in desk.claims.values.values() if (found := read_end(value))}
    assert {(end.status, end.layer, end.reason) for end in marked} == set(told.values())


async def test_an_unknown_recipient_has_no_address_but_an_inline_one_is_used() -> None:
    desk = Desk()
    desk.recipients.told["eve"] = None
    without, inline = delivery("eve", 1), delivery("eve", 2, to={"email": "eve@example.net"})
    async with desk.running():
        records = desk.put(without, inline)
        await until(lambda: all(map(desk.completed, records)))
    assert desk.statuses(without) == ["suppressed"]
    assert [message.address for message in desk.provider.sent] == ["eve@example.net"]


async def test_a_type_that_left_the_catalogue_is_a_dead_letter_without_an_attempt() -> None:
    desk, mail = Desk(), delivery(type="not.in.the.catalogue")
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    [dead] = desk.producer.to(topics.DEAD_LETTERS)
    assert dead.headers[headers.FAILURE_KIND] == b"permanent"
    assert dead.headers[headers.ATTEMPT] == b"0"
    assert headers.PROVIDER not in dead.headers


@pytest.mark.parametrize(
    ("error", "statuses", "reason"),
    [
        (RenderingFailed("order: unknown filter"), ["dead_lettered"], "order: unknown filter"),
        (KeyError("ada@example.org"), ["retrying"], "unexpected error: KeyError"),
    ],
)
async def test_words_that_cannot_be_made_are_a_dead_letter_and_a_bug_is_tried_again(
    error: Exception, statuses: list[str], reason: str
) -> None:
    def failing(value: Delivery, address: str, attempt: int) -> Message:
        raise error

    desk, mail = Desk(schedule=RetrySchedule.parse("1m,2m")), delivery()
    async with desk.running(replace(desk.parts, compose=failing)):
        desk.put(mail)
        await until(lambda: desk.statuses(mail) == statuses)
    assert desk.told()[0]["reason"] == reason
    assert desk.told()[0]["call"] is None


async def test_a_bug_in_a_provider_is_a_failed_attempt_that_quotes_no_value() -> None:
    desk, mail = Desk(schedule=RetrySchedule.parse("1ms,300ms")), delivery()
    desk.provider.script([Raises(KeyError("ada@example.org"))])
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert desk.statuses(mail) == ["retrying", "sent"]
    first = desk.told()[0]
    assert first["reason"] == "unexpected error: KeyError"
    assert first["call"]["provider"] == "memory"
    assert "example.org" not in str(first)


async def test_a_call_that_hangs_is_given_up_and_counts_as_failed() -> None:
    desk, mail = Desk(call_at_most=timedelta(milliseconds=20), schedule=RetrySchedule.parse("1ms,300ms")), delivery()
    desk.provider.script([Hangs()])
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert desk.statuses(mail) == ["retrying", "sent"]


async def test_no_more_calls_run_side_by_side_than_there_are_slots() -> None:
    desk = Desk(slots=3)
    desk.provider.script([Hangs()] * 5)
    async with desk.running():
        desk.put(*(delivery(f"r{number}") for number in range(5)))
        await until(lambda: len(desk.provider.calls) == 3)
        await some_turns()
        assert len(desk.provider.calls) == desk.dispatch.in_flight == 3


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"not avro", "unknown framing"),
        (None, "the value is empty"),
    ],
)
async def test_a_poison_record_is_a_dead_letter_and_its_lane_moves_on(value: bytes | None, told: str) -> None:
    desk, next_one = Desk(), delivery(number=2)
    async with desk.running():
        poison = desk.put_raw(Came("deliveries.email.normal", 0, 0, b"ada", value, [("mine", b"1")]), 1)
        [record] = desk.put(next_one)
        await until(lambda: desk.completed(poison) and desk.completed(record))
    [dead] = desk.producer.to(topics.DEAD_LETTERS)
    assert (dead.key, dead.value, dead.headers["mine"]) == (b"ada", value, b"1")
    assert dead.headers[headers.FAILURE_KIND] == b"poison"
    assert told in dead.headers[headers.FAILURE_REASON].decode()
    assert desk.statuses(next_one) == ["sent"]


async def test_a_delivery_for_another_channel_is_poison_and_ends_visibly() -> None:
    desk, mail = Desk(), delivery(channel=Channel.WEBHOOK)
    async with desk.running():
        came = Came("deliveries.email.normal", 0, 0, b"ada", encoded(mail))
        record = desk.put_raw(came, 1)
        await until(lambda: desk.completed(record))
    assert desk.statuses(mail) == ["dead_lettered"]
    assert desk.provider.calls == []


async def test_while_many_deliveries_are_decoded_the_loop_turns() -> None:
    desk = Desk(slots=200)
    async with desk.running():
        desk.put(*(delivery(f"r{number}") for number in range(100)))
        turns = 0
        while not desk.claims.values:
            await asyncio.sleep(0)
            turns += 1
        assert desk.dispatch.in_flight == 100
    assert turns >= 3


async def test_what_is_being_decoded_when_partitions_are_given_up_is_left_to_the_new_owner() -> None:
    desk = Desk(slots=200)
    poison = Came("deliveries.email.normal", 50, 0, b"poison", b"not avro")
    async with desk.running():
        desk.put(*(delivery(f"r{number}") for number in range(50)))
        desk.put_raw(poison, 1)
        while not desk.dispatch.in_flight:
            await asyncio.sleep(0)
        assert desk.dispatch.in_flight == 51
        desk.assign(b"run.2")
        await some_turns()
        assert desk.dispatch.in_flight == 0
    assert desk.provider.calls == []
    assert desk.claims.values == {}
    assert desk.producer.written == []


async def test_poison_in_a_full_batch_leaves_room_for_what_waits_behind_it() -> None:
    desk = Desk(slots=2)
    async with desk.running():
        for place in range(5):
            desk.put_raw(Came("deliveries.email.normal", place, 0, b"p%d" % place, b"not avro"), 1)
        mail = delivery("ada")
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
        assert desk.dispatch.in_flight == 0
    assert desk.statuses(mail) == ["sent"]
    assert len(desk.producer.to(topics.DEAD_LETTERS)) == 5
