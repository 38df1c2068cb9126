"""What the agent makes of a batch, without a broker."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from tests.agents.routing import NORMAL, NOW, TOPICS, Fetched, Stream, Wishes, route, sample
from tests.engine.ground import CODEC, encoded, notification, preference
from tests.engine.router_process import catalogue


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


async def test_the_topic_is_the_priority_whatever_the_field_says() -> None:
    outbox = await route(Fetched(b"ann", encoded(notification(1, "ann", priority=Priority.HIGH))))
    [delivery] = outbox.to(TOPICS.deliveries[Channel.EMAIL, Priority.NORMAL])
    assert CODEC.decode("Delivery", delivery.value)["notification"]["priority"] == "high"
    [decision] = outbox.to(TOPICS.decisions)
    assert CODEC.decode("Decision", decision.value)["priority"] == "normal"


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
