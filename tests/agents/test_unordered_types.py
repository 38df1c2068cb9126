"""Deliveries of a type that keeps no order are lanes of their own."""

from pathlib import Path
from typing import NoReturn

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from schemas import headers as names
from schemas.codec import Codec
from schemas.records import notification_to_record
from streams.agents.route_notifications import Router, RoutingParts
from streams.domain.decision import Decision, decide
from streams.domain.notification import Channel, Notification, Priority, delivery_id
from streams.domain.preferences import Preference
from streams.engine.batch import Batch, Partition
from streams.engine.crash_marks import CrashMarks
from streams.engine.memory_outbox import MemoryOutbox, Sent
from streams.engine.record_batch import record
from streams.engine.watermark import Watermark
from tests.agents.routing import NORMAL, NOW, TOPICS, Fetched, Stream, Wishes
from tests.agents.unordered import with_unordered
from tests.engine.router_process import catalogue

CODEC = Codec()
TYPES = with_unordered(catalogue(), "code.new")


def told(number: int, kind: str, data: str = "") -> Notification:
    return Notification(f"n-{number}", "ann", kind, Priority.NORMAL, NOW, data=data)


def fetched(number: int, kind: str, data: str = "") -> Fetched:
    value = CODEC.encode("Notification", notification_to_record(told(number, kind, data)))
    return Fetched(b"ann", value, offset=number)


async def routed(*records: Fetched) -> list[Sent]:
    outbox = MemoryOutbox()
    router = Router(RoutingParts(outbox, Wishes(), TYPES, CODEC, TOPICS, lambda: NOW))
    for each in records:
        async for batch in outbox.batches(Stream(Batch(Partition(NORMAL, 3), [each], Watermark()))):
            router.route(batch)
    return outbox.sent


@pytest.mark.parametrize(
    ("kind", "key"),
    [("order.shipped", b"ann"), ("code.new", delivery_id("n-1", Channel.WEBHOOK).encode())],
)
def test_the_key_of_a_delivery_is_its_recipient_or_itself(kind: str, key: bytes) -> None:
    decision = decide(told(1, kind), TYPES, Preference("ann", 1), NOW)
    assert isinstance(decision, Decision)
    assert decision.key_of(decision.channels[1]) == key


async def test_each_delivery_has_its_own_key_on_the_slow_way_and_on_the_fast_one() -> None:
    """The first of its kind is decided on, the others follow its plan; one that keeps order comes in between."""
    sent = await routed(*(fetched(n, kind) for n, kind in enumerate(["code.new", "order.shipped", "code.new"])))
    deliveries = [each for each in sent if each.topic.startswith("deliveries")]
    own = {each.key for each in deliveries if each.key != b"ann"}
    assert own == {delivery_id(f"n-{n}", c).encode() for n in (0, 2) for c in (Channel.EMAIL, Channel.WEBHOOK)}
    assert all(each.key in (b"ann", dict(each.headers)[names.ID]) for each in deliveries)
    assert len(deliveries) == 6
    assert {each.key for each in sent if each.topic == TOPICS.decisions} == {b"ann"}


async def test_an_output_with_a_key_of_its_own_that_no_broker_takes_is_blamed_on_the_largest_record(
    tmp_path: Path,
) -> None:
    """Nobody would be blamed otherwise, and the router would end on it again and again."""

    class Ended(Exception):
        pass

    def end(_: BaseException) -> NoReturn:
        raise Ended

    small, large = fetched(0, "code.new"), fetched(1, "code.new", "x" * 1_000)
    for _ in range(2):
        outbox, marks = MemoryOutbox(end, at_once=False), CrashMarks.open(tmp_path, "one")
        batch = Batch(Partition(NORMAL, 3), [small, large], Watermark(), marks)
        async for _ in outbox.batches(Stream(batch)):
            with pytest.raises(Ended):
                outbox._refused([record(b"a delivery", b"", [])], MessageSizeTooLargeError())
        marks.close()
    marks = CrashMarks.open(tmp_path, "one")
    aside = Batch(Partition(NORMAL, 3), [small, large], Watermark(), marks).set_aside()
    assert [each.offset for each, _ in aside] == [1]
    marks.close()
