"""What the agent makes of a batch, without a broker."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from schemas import headers as names
from schemas.codec import NAMES, Codec, load
from schemas.records import decision_to_record, delivery_head, notification_to_record
from streams.agents.route_notifications import Router, RoutingParts, register
from streams.agents.router_topics import RouterTopics
from streams.domain.decision import Decision, decide
from streams.domain.notification import Channel, Priority
from streams.domain.preferences import Choice, Preference
from streams.engine.application import Application, EnginePolicy
from streams.engine.batch import Batch, Partition
from streams.engine.memory_outbox import MemoryOutbox
from streams.engine.watermark import Watermark
from tests.engine.ground import CODEC, encoded, notification, preference
from tests.engine.router_process import catalogue

NOW = 1_795_500_203_465
TOPICS = RouterTopics.named()
MISPLACED = b"misplaced"
NORMAL = TOPICS.notifications[Priority.NORMAL]


@dataclass
class Fetched:
    """A record of notifications.normal."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    topic: str = NORMAL
    offset: int = 0
    timestamp: int = NOW - 5


class Wishes(dict[bytes, bytes]):
    """The preference table of one partition."""

    def partition(self, tp: Partition) -> dict[bytes, bytes]:
        assert tp.partition == 3
        return self

    def belongs(self, partition: int, key: bytes) -> bool:
        return partition == 3 and key != MISPLACED

    def size(self) -> int:
        return len(self)


class Stream:
    """A stream of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.value = batch
        self.acked = False

    def noack(self) -> "Stream":
        return self

    async def events(self) -> Any:
        yield self

    def ack(self) -> None:
        self.acked = True


async def route(*records: Fetched, wishes: Wishes | None = None, codec: Codec = CODEC) -> MemoryOutbox:
    """What is sent for a batch of these records."""
    outbox = MemoryOutbox()
    router = Router(RoutingParts(outbox, wishes or Wishes(), catalogue(), codec, TOPICS, lambda: NOW))
    for offset, record in enumerate(records):
        record.offset = offset
    batch = Batch(Partition(records[0].topic, 3), records, Watermark())
    async for each in outbox.batches(stream := Stream(batch)):
        router.route(each)
    assert stream.acked
    return outbox


async def test_a_delivery_carries_the_bytes_that_came() -> None:
    value = encoded(notification(1, "ann", metadata={"any": "thing"}))
    outbox = await route(Fetched(b"ann", value))
    for channel in (Channel.EMAIL, Channel.WEBHOOK):
        [delivery] = outbox.to(TOPICS.deliveries[channel, Priority.NORMAL])
        assert delivery.key == b"ann"
        assert delivery.value is not None
        assert delivery.value.endswith(value[10:])
        assert CODEC.decode("Delivery", delivery.value)["notification"] == CODEC.decode("Notification", value)


class Registry:
    """A registry in which another writer has registered a notification without metadata, as 77."""

    def id_of(self, name: str) -> int:
        return NAMES.index(name) + 1

    def schema_of(self, schema_id: int) -> Any:
        theirs = load(Path(__file__).parents[2] / "schemas/avro/Notification.avsc")
        theirs["fields"] = [field for field in theirs["fields"] if field["name"] != "metadata"]
        return theirs if schema_id == 77 else None


async def test_what_another_schema_wrote_is_encoded_anew_and_says_the_same() -> None:
    codec = Codec(Registry())
    value = notification(1, "ann")
    theirs = b"\x00\x00\x00\x00\x4d" + encoded(value)[10:-1]  # metadata, the last field, is one byte when empty
    outbox = await route(Fetched(b"ann", theirs), codec=codec)
    [delivery] = outbox.to(TOPICS.deliveries[Channel.EMAIL, Priority.NORMAL])
    assert codec.decode("Delivery", delivery.value)["notification"] == notification_to_record(value)


async def test_outputs_leave_in_the_order_of_their_records() -> None:
    outbox = await route(*(Fetched(b"ann", encoded(notification(n, "ann"))) for n in range(20)))
    for topic in (TOPICS.decisions, TOPICS.deliveries[Channel.EMAIL, Priority.NORMAL]):
        sent = outbox.to(topic)
        ids = [dict(each.headers)[names.ID] for each in sent]
        assert len(set(ids)) == len(ids) == 20
    assert [dict(each.headers)[names.ID] for each in outbox.to(TOPICS.decisions)] == [b"ann-%d" % n for n in range(20)]


async def test_a_suppressed_channel_is_only_decided() -> None:
    wishes = Wishes({b"ann": preference("ann", 4, Choice(False, channel="email"))})
    outbox = await route(Fetched(b"ann", encoded(notification(1, "ann"))), wishes=wishes)
    assert outbox.to(TOPICS.deliveries[Channel.EMAIL, Priority.NORMAL]) == []
    assert len(outbox.to(TOPICS.deliveries[Channel.WEBHOOK, Priority.NORMAL])) == 1
    [decision] = outbox.to(TOPICS.decisions)
    found = CODEC.decode("Decision", decision.value)
    assert (found["decided_at"], found["preference_version"]) == (NOW, 4)
    assert [each["action"] for each in found["channels"]] == ["suppress", "deliver"]


async def test_a_preference_is_read_anew_when_it_changes() -> None:
    wishes = Wishes({b"ann": preference("ann", 1, Choice(False))})
    outbox = MemoryOutbox()
    router = Router(RoutingParts(outbox, wishes, catalogue(), CODEC, TOPICS, lambda: NOW))
    for at, version in enumerate((1, 2, 3, 3)):
        wishes[b"ann"] = preference("ann", version, Choice(version % 2 == 0))
        record = Fetched(b"ann", encoded(notification(at, "ann")), offset=at)
        async for batch in outbox.batches(Stream(Batch(Partition(NORMAL, 3), [record], Watermark()))):
            router.route(batch)
    found = [CODEC.decode("Decision", each.value) for each in outbox.to(TOPICS.decisions)]
    assert [(d["preference_version"], d["channels"][0]["action"]) for d in found] == [
        (1, "suppress"), (2, "deliver"), (3, "suppress"), (3, "suppress"),
    ]  # fmt: skip


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


async def test_the_topic_is_the_priority_whatever_the_field_says() -> None:
    outbox = await route(Fetched(b"ann", encoded(notification(1, "ann", priority=Priority.HIGH))))
    [delivery] = outbox.to(TOPICS.deliveries[Channel.EMAIL, Priority.NORMAL])
    assert CODEC.decode("Delivery", delivery.value)["notification"]["priority"] == "high"
    [decision] = outbox.to(TOPICS.decisions)
    assert CODEC.decode("Decision", decision.value)["priority"] == "normal"


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


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_batch_is_counted() -> None:
    def counted() -> dict[str, float]:
        return {
            "routed": sample("tidings_router_notifications_total", priority="normal"),
            "lags": sample("tidings_router_lag_seconds_count", priority="normal"),
            "delivered": sample(
                "tidings_router_channel_decisions_total", channel="webhook", action="deliver", layer="system"
            ),
            "suppressed": sample(
                "tidings_router_channel_decisions_total", channel="email", action="suppress", layer="recipient"
            ),
            "poison": sample("tidings_dead_letters_total", process="router", kind="poison"),
            "permanent": sample("tidings_dead_letters_total", process="router", kind="permanent"),
        }

    before = counted()
    wishes = Wishes({b"ann": preference("ann", 4, Choice(False, channel="email"))})
    await route(
        Fetched(b"ann", encoded(notification(1, "ann"))),
        Fetched(b"bob", encoded(notification(1, "bob"))),
        Fetched(b"bob", b"garbage"),
        Fetched(b"bob", encoded(notification(1, "bob", type="no.such"))),
        Fetched(b"bob", None),
        wishes=wishes,
    )
    added = {name: value - before[name] for name, value in counted().items()}
    assert added == {"routed": 2, "lags": 2, "delivered": 2, "suppressed": 1, "poison": 2, "permanent": 1}


@given(
    recipient=st.text(min_size=1, max_size=30),
    kind=st.sampled_from(["order.shipped", "login.new"]),
    channels=st.lists(st.sampled_from([*Channel]), max_size=3),
    expires_at=st.none() | st.integers(NOW - 2, NOW + 2),
    data=st.text(max_size=200),
    choices=st.lists(st.builds(Choice, st.booleans(), channel=st.none() | st.sampled_from([*Channel])), max_size=3),
    priority=st.sampled_from(Priority),
)
async def test_whatever_comes_is_carried_out_as_the_rule_decides(
    recipient: str,
    kind: str,
    channels: list[str],
    expires_at: int | None,
    data: str,
    choices: list[Choice],
    priority: Priority,
) -> None:
    told = notification(
        1, recipient, type=kind, channels=tuple(channels), expires_at=expires_at, data=data, priority=priority
    )
    topic = TOPICS.notifications[priority]
    key = recipient.encode()
    wishes = Wishes({key: preference(recipient, 2, *choices)})
    outbox = await route(Fetched(key, encoded(told), topic=topic), wishes=wishes)

    expected = decide(told, catalogue(), Preference(recipient, 2, choices=tuple(choices)), NOW)
    assert isinstance(expected, Decision)
    [decision] = outbox.to(TOPICS.decisions)
    assert CODEC.decode("Decision", decision.value) == decision_to_record(expected)
    due = [(at, each) for at, each in enumerate(expected.channels) if each.action == "deliver"]
    assert len(outbox.sent) == len(due) + 1
    for sent, (at, each) in zip(outbox.sent, due, strict=False):
        assert sent.topic == TOPICS.deliveries[each.channel, priority]
        assert sent.key == key
        assert CODEC.decode("Delivery", sent.value) == {
            **delivery_head(expected, at), "notification": notification_to_record(told),
        }  # fmt: skip


def ended(error: BaseException) -> NoReturn:
    raise AssertionError(error)


async def test_the_agent_reads_all_priorities_the_highest_first() -> None:
    app = Application(EnginePolicy("127.0.0.1:1", "one", "a-group"), ended)
    parts = RoutingParts(MemoryOutbox(), Wishes({b"a": b"1"}), catalogue(), CODEC, TOPICS, lambda: NOW)
    agent = register(app, parts)
    assert agent.name == "route_notifications"
    assert [*app.rank] == ["notifications.high", "notifications.normal", "notifications.low"]
    assert [*agent.channel.topics] == [*app.rank]
    assert sample("tidings_router_preferences") == 1.0


@pytest.mark.parametrize("prefix", ["", "test."])
def test_every_topic_of_the_router_is_named_once(prefix: str) -> None:
    every = RouterTopics.named(prefix).all()
    assert len(set(every)) == len(every) == 3 + 1 + len(Channel) * 3 + 2
    assert all(name.startswith(prefix) for name in every)
