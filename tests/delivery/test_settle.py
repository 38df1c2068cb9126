"""What an outcome becomes: what is written, what is marked, and in which order."""

import weakref
from dataclasses import replace

import pytest

from connectors.memory.provider import permanent, transient
from ops.telemetry import metrics
from schemas import headers, topics
from streams.domain.claim_marks import Untold, dead_mark, mark_before, read_end
from streams.domain.delivery_status import Status
from streams.domain.failures import Failure, FailureKind
from streams.domain.next_step import DeadLetterKind, Ended
from streams.domain.outcomes import Outcome, ProviderCall, RetryLater, Sent
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import Came, claim_key, delivery, encoded, now_ms
from tests.delivery.desk import Desk, Gated, some_turns
from tests.delivery.ground import until


async def test_a_lane_is_released_after_the_mark_and_the_offset_completes_after_the_confirmation() -> None:
    desk, mail = Desk(), delivery()
    desk.producer.holds = True
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.claims.values.get(claim_key(mail)) == b"s1")
        await until(lambda: len(record.assignment.lanes) == 0)
        assert desk.statuses(mail) == ["sent"]
        assert not desk.completed(record)
        desk.producer.holds = False
        await until(lambda: desk.completed(record))


async def test_what_was_sent_keeps_only_its_place_while_kafka_has_not_confirmed_it() -> None:
    desk, mail = Desk(), delivery()
    desk.producer.holds = True
    async with desk.running():
        [record] = desk.put(mail)
        content = weakref.ref(record.message)
        await until(lambda: content() is None)
        assert desk.statuses(mail) == ["sent"]
        assert not desk.completed(record)
        desk.producer.holds = False
        await until(lambda: desk.completed(record))


async def test_a_dead_letter_is_marked_only_when_it_is_confirmed_and_keeps_key_and_bytes() -> None:
    desk, mail = Desk(), delivery()
    desk.producer.holds = True
    desk.provider.script([permanent("550 no such user")])
    async with desk.running():
        [record] = desk.put(mail, headers=[("traceparent", b"00-1-2-01"), ("mine", b"1")])
        await until(lambda: desk.statuses(mail) == ["dead_lettered"])
        assert read_end(desk.claims.values[claim_key(mail)]) is not None, "a crash now has it written again"
        desk.producer.holds = False
        await until(lambda: desk.completed(record))
        assert desk.claims.values[claim_key(mail)] == b"d1"
    [dead] = desk.producer.to(topics.DEAD_LETTERS)
    assert (dead.key, dead.value) == (record.message.key(), record.message.value())
    told = {
        "traceparent": b"00-1-2-01", "mine": b"1", "attempt": b"1", "redrives": b"0", "failure_kind": b"permanent",
        "failure_reason": b"550 no such user", "provider": b"memory", "origin_topic": b"deliveries.email.normal",
        "origin_partition": b"0", "origin_offset": b"0",
    }  # fmt: skip
    assert told.items() <= dead.headers.items()


async def test_a_retry_in_the_lane_is_told_and_the_lane_waits_for_it() -> None:
    desk = Desk(schedule=RetrySchedule.parse("1ms,300ms"))
    first, second = delivery(number=1), delivery(number=2)
    desk.provider.script([transient("421")])
    async with desk.running():
        records = desk.put(first, second)
        await until(lambda: all(map(desk.completed, records)))
    assert [message.notification_id for message in desk.provider.calls] == ["ada-1", "ada-1", "ada-2"]
    assert [message.attempt for message in desk.provider.calls] == [1, 2, 1]
    assert desk.statuses(first) == ["retrying", "sent"]
    told = [each for each in desk.told() if each["delivery_id"] == first.delivery_id]
    assert [each["attempt"] for each in told] == [1, 2]
    assert told[0]["call"]["code"] == "421"
    assert told[0]["call"]["failure_kind"] == "transient"
    assert told[0]["due_at"] >= first.notification.created_at
    assert told[0]["progress"] < told[1]["progress"]


async def test_the_second_failure_parks_the_lane_and_followers_go_behind_untried_with_the_same_due_time() -> None:
    desk = Desk(schedule=RetrySchedule.parse("1ms,300ms"))
    first, second = delivery(number=1), delivery(number=2)
    desk.provider.script([transient("421"), transient("422")])
    async with desk.running():
        records = desk.put(first, second, headers=[("traceparent", b"00-1-2-01")])
        await until(lambda: all(map(desk.completed, records)))
    [head, follower] = desk.producer.to("deliveries.email.retry.300ms")
    assert head.headers[headers.ATTEMPT] == b"2"
    assert head.headers[headers.FAILURE_KIND] == b"transient"
    assert head.headers[headers.FAILURE_REASON] == b"422"
    assert head.headers[headers.PROVIDER] == b"memory"
    assert int(head.headers[headers.FIRST_FAILED_AT]) <= int(head.headers[headers.NOT_BEFORE])
    assert follower.headers[headers.ATTEMPT] == b"0"
    assert headers.FAILURE_KIND not in follower.headers
    assert follower.headers[headers.NOT_BEFORE] == head.headers[headers.NOT_BEFORE]
    assert [each.headers[headers.ORIGIN_OFFSET] for each in (head, follower)] == [b"0", b"1"]
    assert {each.headers[headers.PRIORITY] for each in (head, follower)} == {b"normal"}
    assert {each.headers[headers.TRACE_PARENT] for each in (head, follower)} == {b"00-1-2-01"}
    assert {each.partition for each in (head, follower)} == {0}
    assert desk.statuses(second) == []


async def test_a_record_from_a_retry_topic_goes_on_where_it_was() -> None:
    desk, mail = Desk(schedule=RetrySchedule.parse("1ms,300ms")), delivery()
    desk.provider.script([transient("421")])
    told = [(headers.PRIORITY, b"normal"), (headers.ORIGIN_OFFSET, b"5"), (headers.NOT_BEFORE, b"0"),
            (headers.ATTEMPT, b"2"), (headers.REDRIVES, b"1"), (headers.FIRST_FAILED_AT, b"77")]  # fmt: skip
    async with desk.running():
        came = Came("deliveries.email.retry.300ms", 0, 0, b"ada", encoded(mail), told)
        desk.ownership.assignment.trackers[1, 0].next = 6
        desk.ownership.assignment.trackers[1, 0].base = 6
        record = desk.put_raw(came, 3)
        desk.ownership.assignment.release_due(now_ms())
        await until(lambda: desk.completed(record))
    assert desk.provider.calls[0].attempt == 3
    [dead] = desk.producer.to(topics.DEAD_LETTERS)
    assert dead.headers[headers.FAILURE_KIND] == b"exhausted"
    assert dead.headers[headers.ATTEMPT] == b"3"
    assert dead.headers[headers.FIRST_FAILED_AT] == b"77"
    assert dead.headers[headers.ORIGIN_TOPIC] == b"deliveries.email.normal"
    assert dead.headers[headers.ORIGIN_OFFSET] == b"5"
    assert desk.claims.values == {claim_key(mail, redrives=1): b"d3"}


async def test_what_was_sent_is_told_at_once_but_its_lane_waits_for_claims_that_are_away() -> None:
    desk, provider = Desk(), Gated()
    first, second = delivery(number=1), delivery(number=2)
    async with desk.running(replace(desk.parts, provider=provider)):
        records = desk.put(first, second)
        await until(lambda: desk.dispatch.in_flight == 1)
        desk.claims.away = True
        provider.gate.set()
        await until(lambda: desk.completed(records[0]))
        await some_turns()
        assert desk.statuses(second) == []
        desk.claims.away = False
        await until(lambda: desk.completed(records[1]))
    assert desk.claims.values == {claim_key(first): b"s1", claim_key(second): b"s1"}


async def test_many_that_were_sent_at_once_are_told_and_marked_all() -> None:
    desk = Desk(slots=500)
    mails = [delivery(f"r-{number}") for number in range(300)]
    async with desk.running():
        records = desk.put(*mails)
        await until(lambda: all(map(desk.completed, records)))
        await until(lambda: desk.settle.idle)
    assert {tuple(desk.statuses(mail)) for mail in mails} == {("sent",)}
    assert set(desk.claims.values.values()) == {b"s1"}


@pytest.mark.parametrize(
    ("recipient_id", "answer", "told"),
    [("nobody", None, "suppressed"), ("ada", permanent("550 no such user"), "dead_lettered"), ("ada", None, "sent")],
)
async def test_an_end_that_was_told_stays_the_only_one_through_kills(
    recipient_id: str, answer: Outcome | None, told: str
) -> None:
    desk, code = Desk(), delivery(recipient_id, type="login.code")
    desk.recipients.told["nobody"] = None
    desk.provider.script([answer] if answer else [])
    desk.producer.holds = True
    async with desk.running():
        [record] = desk.put(code)
        await until(lambda: desk.statuses(code) == [told])
        assert not desk.completed(record), "a crash now has it read again"
        await desk.claims.claim(b"killed.2", [claim_key(code)])  # by a process that dies before it has done anything
        desk.assign(b"run.3", start=1)
        [again] = desk.put(code)
        await until(lambda: len(desk.statuses(code)) == 2)
        desk.producer.holds = False
        await until(lambda: desk.completed(again))
    assert desk.statuses(code) == [told] * 2
    assert len({each["reason"] for each in desk.told()}) == 1
    assert len(desk.provider.calls) == (told != "suppressed")


async def test_a_type_that_says_hold_is_told_as_sent_only_when_that_is_marked() -> None:
    """Else the next owner would tell `unknown` as well."""
    desk, provider = Desk(), Gated()
    code, mail = delivery("ada", type="login.code"), delivery("bob")
    async with desk.running(replace(desk.parts, provider=provider)):
        records = desk.put(code, mail)
        await until(lambda: desk.dispatch.in_flight == 2)
        desk.claims.away = True
        provider.gate.set()
        await until(lambda: desk.statuses(mail) == ["sent"])
        await some_turns()
        assert desk.statuses(code) == []
        desk.claims.away = False
        await until(lambda: all(map(desk.completed, records)))
    assert desk.statuses(code) == ["sent"]


@pytest.mark.parametrize("kind", ["login.code", "not.in.the.catalogue"])
async def test_an_ambiguous_delivery_is_held_when_its_type_says_so_or_is_gone(kind: str) -> None:
    desk, mail = Desk(), delivery(type=kind)
    desk.producer.holds = True
    async with desk.running():
        await desk.claims.claim(b"killed.1", [claim_key(mail)])
        [record] = desk.put(mail)
        await until(lambda: desk.statuses(mail) == ["unknown"])
        await some_turns()
        assert desk.claims.values[claim_key(mail)] == b"arun.1", "a crash now must leave it ambiguous"
        desk.producer.holds = False
        await until(lambda: desk.completed(record))
        assert desk.claims.values[claim_key(mail)] == b"d0"
    [dead] = desk.producer.to(topics.DEAD_LETTERS)
    assert dead.headers[headers.FAILURE_KIND] == b"ambiguous"
    assert desk.provider.calls == []


REFUSED = Ended(Status.DEAD_LETTERED, 4, "550", dead_letter=DeadLetterKind.PERMANENT)
CALL = ProviderCall("memory", 1, 1.0)
LOST_ANSWER = RetryLater(Failure(FailureKind.TRANSIENT, "the answer was lost", ambiguous=True), CALL)


@pytest.mark.parametrize(("kind", "wanted"), [("login.code", ["unknown"]), ("order.shipped", ["retrying", "sent"])])
async def test_a_call_whose_answer_was_lost_is_held_or_made_again_as_the_type_says(
    kind: str, wanted: list[str]
) -> None:
    desk, mail = Desk(), delivery(type=kind)
    desk.provider.script([LOST_ANSWER])
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert desk.statuses(mail) == wanted
    kinds = [dead.headers[headers.FAILURE_KIND] for dead in desk.producer.to(topics.DEAD_LETTERS)]
    assert kinds == ([b"ambiguous"] if wanted == ["unknown"] else [])


async def test_what_had_ended_is_not_called_again_and_told_again_if_its_mark_tells_it() -> None:
    desk = Desk()
    mails = [delivery(number=n) for n in range(1, 7)]
    no_address = mark_before(Untold(Ended(Status.SUPPRESSED, 2, "no_address", "system")))
    to_bury = mark_before(Untold(REFUSED, "smtp", "ab12"))
    ends = [b"s2", b"s3d", b"d6", b"x", no_address, to_bury]
    async with desk.running():
        await desk.claims.mark(b"x", list(zip(map(claim_key, mails), ends, strict=True)))
        before = metrics.DUPLICATES.labels("email")._value.get()
        records = desk.put(*mails)
        await until(lambda: all(map(desk.completed, records)))
        assert metrics.DUPLICATES.labels("email")._value.get() == before + 6
    assert desk.provider.calls == []
    told = [tuple(each[name] for name in ("status", "attempt", "reason", "layer")) for each in desk.told()]
    assert told == [
        ("sent", 2, None, None),
        ("delivered", 3, None, None),
        ("suppressed", 2, "no_address", "system"),
        ("dead_lettered", 4, "550", None),
    ]
    assert [each["address_mark"] for each in desk.told()] == [None, None, None, "ab12"]
    statuses = [desk.statuses(each) for each in mails]
    assert statuses == [["sent"], ["delivered"], [], [], ["suppressed"], ["dead_lettered"]]
    [letter] = desk.producer.to(topics.DEAD_LETTERS)
    assert (letter.key, letter.headers[headers.ATTEMPT]) == (records[5].message.key(), b"4")
    assert (letter.headers[headers.FAILURE_REASON], letter.headers[headers.PROVIDER]) == (b"550", b"smtp")
    assert desk.claims.values[claim_key(mails[5])] == dead_mark(4)


async def test_a_channel_whose_answer_is_the_proof_is_delivered() -> None:
    desk, mail = Desk(), delivery()
    desk.provider.script([Sent(ProviderCall("memory", 0, 1.0, "200"), delivered=True)])
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert desk.statuses(mail) == ["delivered"]
    assert desk.claims.values[claim_key(mail)] == b"s1d"


@pytest.mark.parametrize("kind", ["order.shipped", "login.code"])
async def test_after_the_partition_was_given_up_only_what_was_sent_is_told(kind: str) -> None:
    desk, provider = Desk(), Gated()
    ok, failing = delivery("ada", type=kind), delivery("bob", type=kind)
    provider.script([transient()], "bob@example.org")
    async with desk.running(replace(desk.parts, provider=provider)):
        records = desk.put(ok, failing)
        await until(lambda: desk.dispatch.in_flight == 2)
        desk.assign(b"run.2")
        provider.gate.set()
        await until(lambda: desk.claims.values == {claim_key(ok): b"s1", claim_key(failing): b"r"})
        await until(lambda: records[0].closing)
        await some_turns()
    assert desk.statuses(ok) == ["sent"]
    assert desk.statuses(failing) == []


async def test_what_ended_after_the_partition_was_given_up_is_told_by_the_new_owner_alone() -> None:
    desk, provider = Desk(), Gated()
    mail = delivery("bob")
    provider.script([permanent("550 no such user")], "bob@example.org")
    async with desk.running(replace(desk.parts, provider=provider)):
        desk.put(mail)
        await until(lambda: desk.dispatch.in_flight == 1)
        desk.assign(b"run.2", start=1)
        provider.gate.set()
        await until(lambda: read_end(desk.claims.values[claim_key(mail)]))
        await some_turns()
        assert desk.statuses(mail) == []
        [again] = desk.put(mail)
        await until(lambda: desk.completed(again))
    assert desk.statuses(mail) == ["dead_lettered"]
    assert len(desk.producer.to(topics.DEAD_LETTERS)) == len(provider.calls) == 1
