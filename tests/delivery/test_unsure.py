"""Redis away: what says resend is sent, what says hold waits until Redis can say whether it was called before."""

from dataclasses import replace

from connectors.memory.claims import ClaimsInMemory
from ops.telemetry import metrics
from schemas import headers, topics
from streams.domain.retry_schedule import RetrySchedule
from tests.delivery.builders import claim_key, delivery, now_ms
from tests.delivery.desk import Desk, some_turns
from tests.delivery.ground import until

LONG = RetrySchedule.parse("5s,30s")


def without_redis(desk: Desk) -> ClaimsInMemory:
    """Claims in the place that does not know what was claimed before."""
    desk.claims = ClaimsInMemory(elsewhere=True)
    desk.parts = replace(desk.parts, claims=desk.claims)
    return desk.claims


async def test_what_says_resend_is_sent_and_counts_as_sure() -> None:
    desk, mail = Desk(), delivery()
    claims = without_redis(desk)
    before = metrics.AMBIGUOUS.labels("email")._value.get()
    async with desk.running():
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert desk.statuses(mail) == ["sent"]
    assert claims.values == {claim_key(mail): b"s1"}
    assert metrics.AMBIGUOUS.labels("email")._value.get() == before


async def test_what_says_hold_waits_in_its_lane_unclaimed_and_untried_and_holds_back_nobody_else() -> None:
    desk = Desk(schedule=LONG)
    claims = without_redis(desk)
    code, behind, other = delivery("ada", 1, type="login.code"), delivery("ada", 2), delivery("bob", 1)
    async with desk.running():
        first, second, third = desk.put(code, behind, other)
        await until(lambda: desk.completed(third))
        await some_turns()
        assert [message.notification_id for message in desk.provider.calls] == ["bob-1"]
        assert (desk.dispatch.in_flight, claims.values[claim_key(code)]) == (0, b"u")
        claims._kept[claim_key(code)] = b"r", claims._clock()  # what Redis says when it is back
        await until(lambda: desk.completed(first) and desk.completed(second))
    assert [message.notification_id for message in desk.provider.sent] == ["bob-1", "ada-1", "ada-2"]
    assert desk.told()[1]["attempt"] == 1
    assert desk.producer.to(topics.DEAD_LETTERS) == []


async def test_what_says_hold_and_has_waited_goes_by_way_of_a_retry_topic() -> None:
    """In its lane it would hold back the commit of its partition for as long as Redis is away."""
    desk, code = Desk(schedule=LONG), delivery("ada", 1, type="login.code")
    claims = without_redis(desk)
    async with desk.running():
        [record] = desk.put(code)
        record.has_waited = True
        await until(lambda: desk.completed(record))
        [parked] = desk.producer.to(desk.policy.topics[3])
        assert desk.statuses(code) == []
        assert claims.values == {claim_key(code): b"u"}
    assert parked.headers[headers.ATTEMPT] == b"0"
    assert 10_000 < int(parked.headers[headers.NOT_BEFORE]) - now_ms() <= 15_000


async def test_what_says_hold_and_was_called_before_is_held_back_also_without_redis() -> None:
    desk, code = Desk(), delivery("ada", 1, type="login.code")
    claims = without_redis(desk)
    async with desk.running():
        await claims.mark(b"killed.1", [(claim_key(code), b"r")])
        await claims.claim(b"killed.1", [claim_key(code)])
        [record] = desk.put(code)
        await until(lambda: desk.completed(record))
    assert desk.statuses(code) == ["unknown"]
    assert desk.provider.calls == []


async def test_what_ended_before_is_not_called_again() -> None:
    desk, mail = Desk(), delivery()
    claims = without_redis(desk)
    async with desk.running():
        await claims.mark(b"killed.1", [(claim_key(mail), b"s2")])
        [record] = desk.put(mail)
        await until(lambda: desk.completed(record))
    assert (desk.statuses(mail), desk.provider.calls) == (["sent"], [])
