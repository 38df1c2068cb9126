"""The fast way of a notification writes what the slow way writes, byte for byte; what is in doubt it leaves to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Codec, Record
from schemas.records import notification_to_record, preference_to_record
from streams.agents.route_notifications import Router, RoutingParts
from streams.domain.notification import Channel, Notification, Priority
from streams.domain.preferences import Choice, Preference
from streams.engine.batch import Batch, Partition
from streams.engine.memory_outbox import MemoryOutbox, Sent
from streams.engine.watermark import Watermark
from tests.agents.routing import NOW, TOPICS, Fetched, Stream, Wishes
from tests.agents.unordered import with_unordered
from tests.engine.router_process import catalogue

LOCALES = st.sampled_from([None, "", "de", "de-AT"])
SHORT = st.text(max_size=8) | st.sampled_from(["x" * 64, "ä" * 40, "x" * 9_000])
ASKED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["order.shipped", "login.new", "code.new"]),
        "channels": st.lists(st.sampled_from([*Channel]), max_size=3).map(tuple),
        "locale": LOCALES,
    }
)
OWN: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "notification_id": st.text(min_size=1, max_size=40),
        "tenant": st.none() | SHORT,
        "created_at": st.integers(0, 2**62) | st.just(NOW),
        "expires_at": st.none() | st.integers(NOW - 2, NOW + 2) | st.just(0),
        "send_at": st.none() | st.integers(NOW - 2, NOW),
        "dedupe_key": st.none() | SHORT,
        "cancellation_key": st.none() | SHORT,
        "data": SHORT,
        "to": st.none() | st.dictionaries(SHORT, SHORT, max_size=2),
        "metadata": st.dictionaries(SHORT, SHORT, max_size=2),
        "priority": st.sampled_from(Priority),
    }
)
WANTED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "locale": LOCALES,
        "time_zone": st.sampled_from([None, "Europe/Vienna"]),
        "unsubscribed": st.booleans(),
        "choices": st.lists(
            st.builds(
                Choice,
                st.booleans(),
                type=st.none() | st.just("order.shipped"),
                channel=st.sampled_from([None, *Channel]),
            ),
            max_size=3,
        ).map(tuple),
    }
)
HEADERS = st.lists(st.sampled_from([("traceparent", b"00-1"), ("traceparent", b"00-2"), ("other", b"x")]), max_size=3)


class CountingCodec(Codec):
    """Counts what is decoded whole: the slow way. One for all, since making one takes longer than a test."""

    decoded = 0

    def decode_with_body(self, name: str, data: bytes | None) -> tuple[Record, bytes | None]:
        self.decoded += 1
        return super().decode_with_body(name, data)


CODEC = CountingCodec()
TYPES = with_unordered(catalogue(), "code.new")


@dataclass
class Routing:
    """A router and what it has sent."""

    outbox: MemoryOutbox
    router: Router

    async def route(self, topic: str, *records: Fetched) -> list[Sent]:
        """What is sent for these."""
        before = len(self.outbox.sent)
        batch = Batch(Partition(topic, 3), records, Watermark())
        async for each in self.outbox.batches(Stream(batch)):
            self.router.route(each)
        return self.outbox.sent[before:]


def routing(wishes: Mapping[bytes, bytes]) -> Routing:
    outbox = MemoryOutbox()
    return Routing(outbox, Router(RoutingParts(outbox, Wishes(wishes), TYPES, CODEC, TOPICS, lambda: NOW)))


def encoded(value: Notification) -> bytes:
    return CODEC.encode("Notification", notification_to_record(value))


def wish(recipient: str, version: int, wanted: dict[str, Any]) -> bytes:
    return CODEC.encode("Preference", preference_to_record(Preference(recipient, version, **wanted), version * 7))


@dataclass(frozen=True)
class Case:
    """Two notifications of different people that rest on the same grounds, on one topic."""

    first: Fetched
    second: Fetched
    wishes: dict[bytes, bytes]
    topic: str
    expires: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    asked, wanted = draw(ASKED), draw(st.none() | WANTED)
    topic = TOPICS.notifications[draw(st.sampled_from(Priority))]
    records, wishes = [], {}
    told: dict[str, Any] = {}
    for recipient in (
        "ann",
        draw(st.text(min_size=1, max_size=12).filter(lambda name: name != "ann") | st.just("b" * 70)),
    ):
        told = draw(OWN)
        value = encoded(Notification(recipient_id=recipient, **asked, **told))
        records.append(Fetched(recipient.encode(), value, tuple(draw(HEADERS)), topic))
        if wanted is not None:
            wishes[recipient.encode()] = wish(recipient, draw(st.integers(0, 2**40)), wanted)
    return Case(records[0], records[1], wishes, topic, told["expires_at"] is not None and told["expires_at"] <= NOW)


@given(cases())
async def test_both_ways_write_the_same(case: Case) -> None:
    slow = await routing(case.wishes).route(case.topic, case.second)
    fast = routing(case.wishes)
    await fast.route(case.topic, case.first)
    assert await fast.route(case.topic, case.second) == slow


@given(cases())
async def test_what_is_like_an_earlier_one_is_not_decoded_again(case: Case) -> None:
    fast = routing(case.wishes)
    plain = replace(case.second, value=case.second.value)
    await fast.route(case.topic, plain)
    before = CODEC.decoded
    await fast.route(case.topic, plain, plain)
    told = CODEC.decode("Notification", plain.value)
    in_doubt = case.expires or told["send_at"] is not None
    assert CODEC.decoded - before == (2 if in_doubt else 0)


@given(cases(), st.data())
async def test_broken_bytes_end_the_same_both_ways(case: Case, data: st.DataObject) -> None:
    value = bytearray(case.second.value or b"")
    for _ in range(data.draw(st.integers(0, 2))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    broken = replace(case.second, value=bytes(value[: data.draw(st.integers(len(value) - 3, len(value)))]))
    slow = await routing(case.wishes).route(case.topic, broken)
    fast = routing(case.wishes)
    await fast.route(case.topic, case.second)
    assert await fast.route(case.topic, broken) == slow


@given(cases(), st.data())
async def test_a_broken_preference_sends_nothing_both_ways(case: Case, data: st.DataObject) -> None:
    key = case.second.key or b""
    if key not in case.wishes:
        return
    fast = routing(wishes := dict(case.wishes))
    await fast.route(case.topic, case.second)
    broken = bytearray(wishes[key])
    broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with changed(fast, key, bytes(broken)):
        slow = await routing({**case.wishes, key: bytes(broken)}).route(case.topic, case.second)
        assert await fast.route(case.topic, case.second) == slow


class Restless(Wishes):
    """A preference that changes right after both ways have read it once: another thread writes the table."""

    reads = 0

    def get(self, key: bytes, default: Any = None) -> Any:
        found = super().get(key, default)
        self.reads += 1
        if self.reads == 2:
            self[key] = wish("ann", 2, {"choices": (Choice(False),)})
        return found


async def test_a_plan_rests_on_the_preference_that_was_decided_by_and_not_on_a_newer_one() -> None:
    """regression: the plan of the new preference was what the old one had led to, for everybody who wants the same"""
    restless = Restless({b"ann": wish("ann", 1, {"choices": (Choice(True),)})})
    outbox = MemoryOutbox()
    router = Router(RoutingParts(outbox, restless, catalogue(), CODEC, TOPICS, lambda: NOW))
    record = Fetched(b"ann", encoded(Notification("n-1", "ann", "order.shipped", Priority.NORMAL, NOW)))
    for offset in range(3):
        batch = Batch(Partition(record.topic, 3), [replace(record, offset=offset)], Watermark())
        async for each in outbox.batches(Stream(batch)):
            router.route(each)
    found = [CODEC.decode("Decision", each.value) for each in outbox.to(TOPICS.decisions)]
    actions = {one["preference_version"]: {each["action"] for each in one["channels"]} for one in found[1:]}
    assert actions == {2: {"suppress"}}


@contextmanager
def changed(routing: Routing, key: bytes, value: bytes) -> Iterator[None]:
    """The preference table while one preference is another."""
    table: Any = routing.router._parts.preferences
    before, table[key] = table[key], value
    yield
    table[key] = before
