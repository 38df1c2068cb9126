"""What the agent cannot carry out is a dead letter that says why."""

import pytest

from schemas import headers as names
from streams.agents.route_notifications import Router, RoutingParts
from streams.engine.batch import Batch, Partition
from streams.engine.memory_outbox import MemoryOutbox
from streams.engine.watermark import Watermark
from tests.agents.routing import MISPLACED, NORMAL, NOW, TOPICS, Fetched, Stream, Wishes, route
from tests.engine.ground import CODEC, encoded, notification, preference
from tests.engine.router_process import catalogue


@pytest.mark.parametrize(
    ("record", "wishes", "kind", "said"),
    [
        (Fetched(b"ann", None), {}, b"poison", b"the value is empty"),
        (Fetched(b"bob", encoded(notification(1, "ann"))), {}, b"poison", b"key and recipient_id must be equal"),
        (Fetched(None, encoded(notification(1, "ann"))), {}, b"poison", b"key and recipient_id must be equal"),
        (Fetched(b"ann", encoded(notification(1, "ann", type="no.such"))), {}, b"permanent", b"type: "),
        (
            Fetched(MISPLACED, encoded(notification(1, MISPLACED.decode()))),
            {},
            b"permanent",
            b"partitioner=murmur2_random",
        ),
        (Fetched(b"ann", encoded(notification(1, "ann"))), {b"ann": b"garbage"}, b"permanent", b"preference: "),
        (
            Fetched(b"ann", encoded(notification(1, "ann"))),
            {b"ann": preference("bob", 1)},
            b"permanent",
            b"preference: it belongs to another recipient",
        ),
    ],
)
async def test_what_cannot_be_carried_out_is_a_dead_letter_and_nothing_else(
    record: Fetched, wishes: dict[bytes, bytes], kind: bytes, said: bytes
) -> None:
    outbox = await route(record, wishes=Wishes(wishes))
    [letter] = outbox.sent
    headers = dict(letter.headers)
    assert (letter.topic, letter.key, letter.value) == (TOPICS.dead_letters, record.key, record.value)
    assert headers[names.FAILURE_KIND] == kind
    assert said in headers[names.FAILURE_REASON]
    assert (headers[names.ORIGIN_TOPIC], headers[names.ORIGIN_PARTITION]) == (NORMAL.encode(), b"3")


async def test_a_record_that_was_set_aside_is_a_dead_letter_as_it_came() -> None:
    outbox = MemoryOutbox()
    router = Router(RoutingParts(outbox, Wishes(), catalogue(), CODEC, TOPICS, lambda: NOW))
    record = Fetched(b"ann", b"whatever")
    async for _ in outbox.batches(Stream(Batch(Partition(NORMAL, 3), [record], Watermark()))):
        router.set_aside(Partition(NORMAL, 3), record, "it killed two processes")
    [letter] = outbox.sent
    assert (letter.topic, letter.key, letter.value) == (TOPICS.dead_letters, b"ann", b"whatever")
    assert dict(letter.headers)[names.FAILURE_REASON] == b"it killed two processes"


async def test_a_long_reason_is_cut() -> None:
    unknown = "x" * 5_000
    outbox = await route(Fetched(b"ann", encoded(notification(1, "ann", type=unknown))))
    [letter] = outbox.to(TOPICS.dead_letters)
    reason = dict(letter.headers)[names.FAILURE_REASON].decode()
    assert len(reason) == 500
    assert reason.startswith("type: the catalogue has no type 'xxx")


async def test_a_dead_letter_keeps_its_own_headers_and_its_first_failure() -> None:
    own = (("x-own", b"1"), (names.FIRST_FAILED_AT, b"77"), (names.FAILURE_REASON, b"an older one"))
    outbox = await route(Fetched(b"ann", b"garbage", own))
    [letter] = outbox.to(TOPICS.dead_letters)
    headers = dict(letter.headers)
    assert len(headers) == len(letter.headers)
    assert headers["x-own"] == b"1"
    assert headers[names.FIRST_FAILED_AT] == b"77"
    assert headers[names.FAILURE_REASON].startswith(b"unknown framing")
