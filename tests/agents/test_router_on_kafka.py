"""The router as a process on a real Kafka: what goes in, what comes out."""

import time

import pytest

from schemas import headers as names
from schemas.records import decision_to_record, delivery_head, notification_to_record
from schemas.topics import LARGEST_RECORD
from streams.domain.decision import Decision, decide
from streams.domain.notification import Channel, Priority
from streams.domain.preferences import Choice, Preference
from tests.engine.ground import Ground, encoded, incompressible, notification, numbers_by_recipient, preference, until
from tests.engine.router_process import catalogue


def test_every_notification_leaves_as_its_deliveries_and_one_decision_in_order_per_recipient(ground: Ground) -> None:
    ground.create()
    sent = [
        notification(n, f"person-{n % 7}", priority=list(Priority)[n % 7 % 3], tenant="acme", metadata={"n": str(n)})
        for n in range(300)
    ]
    ground.notify(sent)
    with ground.router() as router:
        ground.drained()
        assert router.stop() == 0, router.said()

    decisions = ground.decisions()
    decided_at = {each["notification_id"]: each["decided_at"] for each in decisions}
    expected = [decide(each, catalogue(), Preference(""), decided_at[each.notification_id]) for each in sent]
    concluded = {e.notification.notification_id: e for e in expected if isinstance(e, Decision)}
    assert len(concluded) == 300
    assert {d["notification_id"]: d for d in decisions} == {
        each: decision_to_record(decision) for each, decision in concluded.items()
    }
    for priority in Priority:
        wanted = [each for each in sent if each.priority is priority]
        for at, channel in enumerate((Channel.EMAIL, Channel.WEBHOOK)):
            found = ground.deliveries(channel, priority)
            assert {d["notification"]["notification_id"]: d for d in found} == {
                n.notification_id: {
                    **delivery_head(concluded[n.notification_id], at),
                    "notification": notification_to_record(n),
                }
                for n in wanted
            }
            assert numbers_by_recipient(d["notification"]["notification_id"] for d in found) == (
                numbers_by_recipient(n.notification_id for n in wanted)
            )
    assert ground.dead_letters() == []


def test_every_output_is_keyed_by_recipient_and_is_a_cloud_event(ground: Ground) -> None:
    ground.create()
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ground.send(
        ground.topics.notifications[Priority.HIGH],
        "ann",
        encoded(notification(1, "ann", priority=Priority.HIGH)),
        [(names.TRACE_PARENT, trace), ("x-other", b"stays behind")],
    )
    ground.flush()
    with ground.router():
        ground.drained()
    [delivery] = ground.read(ground.topics.deliveries[Channel.EMAIL, Priority.HIGH])
    [decision] = ground.read(ground.topics.decisions)
    for record, event_type in ((delivery, b"tidings.delivery"), (decision, b"tidings.decision")):
        headers = dict(record.headers())
        assert record.key() == b"ann"
        assert headers.keys() == {
            names.SPEC_VERSION, names.ID, names.TYPE, names.SOURCE, names.TIME, names.CONTENT_TYPE, names.TRACE_PARENT,
        }  # fmt: skip
        assert (headers[names.TYPE], headers[names.TRACE_PARENT]) == (event_type, trace)
    assert dict(decision.headers())[names.ID] == b"ann-1"


def test_poison_goes_to_the_dead_letters_as_it_came_and_the_partition_moves_on(ground: Ground) -> None:
    ground.create()
    topic = ground.topics.notifications[Priority.NORMAL]
    good = encoded(notification(1, "ann"))
    poison = {
        "garbage": b"not avro at all",
        "empty": b"",
        "tombstone": None,
        "truncated": good[:-3],
        "trailing": good + b"more",
        "fingerprint": b"\xc3\x01" + bytes(8) + good[10:],
        "other record": preference("ann", 1),
        "other key": good,
        "no key": good,
    }
    said = {
        "garbage": "unknown framing",
        "empty": "empty",
        "tombstone": "empty",
        "truncated": "not a readable Notification",
        "trailing": "4 bytes follow",
        "fingerprint": "unknown schema fingerprint",
        "other record": "a Preference where a Notification belongs",
        "other key": "key and recipient_id must be equal",
        "no key": "key and recipient_id must be equal",
    }
    for kind, value in poison.items():
        key = None if kind == "no key" else "bob" if kind == "other key" else "ann"
        ground.send(topic, key, value, [("kind", kind.encode()), (names.REDRIVES, b"2")])
        ground.send(topic, "ann", encoded(notification(len(said), "ann")))
    ground.flush()
    with ground.router() as router:
        ground.drained()
        assert router.stop() == 0, router.said()

    letters = {dict(m.headers())["kind"].decode(): m for m in ground.dead_letters()}
    origins = {(m.topic(), m.partition(), m.offset()): m for m in ground.read(topic)}
    assert letters.keys() == poison.keys()
    for kind, letter in letters.items():
        headers = dict(letter.headers())
        came = origins[
            headers[names.ORIGIN_TOPIC].decode(),
            int(headers[names.ORIGIN_PARTITION]),
            int(headers[names.ORIGIN_OFFSET]),
        ]
        assert (letter.key(), letter.value()) == (came.key(), came.value()), kind
        assert headers[names.FAILURE_KIND] == b"poison", kind
        assert said[kind] in headers[names.FAILURE_REASON].decode(), kind
        assert (headers[names.ATTEMPT], headers[names.REDRIVES]) == (b"0", b"2")
        assert abs(int(headers[names.FIRST_FAILED_AT]) - time.time() * 1000) < 60_000
    assert ground.written(ground.topics.deliveries[Channel.EMAIL, Priority.NORMAL]) == len(poison)


def test_what_can_never_be_carried_out_is_a_permanent_dead_letter(ground: Ground) -> None:
    ground.create()
    later = time.time_ns() // 1_000_000 + 3_600_000
    ground.notify(
        [
            notification(1, "ann", type="no.such"),
            notification(2, "ann", channels=("pigeon",)),
            notification(3, "ann", send_at=later),
            notification(4, "ann"),
        ]
    )
    with ground.router():
        ground.drained()
    letters = [dict(m.headers()) for m in ground.dead_letters()]
    assert [letter[names.FAILURE_KIND] for letter in letters] == [b"permanent"] * 3
    assert [letter[names.FAILURE_REASON].split(b":")[0] for letter in letters] == [b"type", b"channels", b"send_at"]
    assert [d["notification_id"] for d in ground.decisions()] == ["ann-4"]


def test_an_opt_out_that_was_written_before_the_start_is_respected(ground: Ground) -> None:
    ground.create()
    no_mail = Choice(False, category="shipping", channel="email")
    ground.send(ground.topics.preferences, "ann", preference("ann", 3, no_mail))
    ground.send(ground.topics.preferences, "bob", preference("bob", 1, Choice(True)))
    ground.flush()
    ground.notify([notification(1, "ann"), notification(1, "bob")])
    with ground.router():
        ground.drained()
    decided = {d["recipient_id"]: d for d in ground.decisions()}
    mail = decided["ann"]["channels"][0]
    assert (mail["action"], mail["layer"], mail["rule"]) == ("suppress", "recipient", "category:shipping+email")
    assert (decided["ann"]["preference_version"], decided["bob"]["preference_version"]) == (3, 1)
    assert [d["notification"]["recipient_id"] for d in ground.deliveries(Channel.EMAIL)] == ["bob"]
    assert {d["notification"]["recipient_id"] for d in ground.deliveries(Channel.WEBHOOK)} == {"ann", "bob"}


def test_an_opt_out_is_seen_while_the_router_runs_and_so_is_its_end(ground: Ground) -> None:
    ground.create()
    no_mail = Choice(False, channel="email")
    number = 0
    with ground.router() as router:
        router.ready()
        for version, value in ((4, preference("ann", 4, no_mail)), (5, preference("ann", 5)), (0, None)):
            ground.send(ground.topics.preferences, "ann", value)
            ground.flush()

            def seen(version: int = version) -> bool:
                nonlocal number
                number += 1
                ground.notify([notification(number, "ann")])
                ground.drained()
                return bool(ground.decisions()[-1]["preference_version"] == version)

            until(seen, 10, f"a decision by preference {version}")
    decisions = ground.decisions()
    versions = [d["preference_version"] for d in decisions]
    since = versions[versions.index(4) :]
    assert since == sorted(since, key=[4, 5, 0].index)  # never back to an earlier one
    for decision in decisions:
        expected = "suppress" if decision["preference_version"] == 4 else "deliver"
        assert decision["channels"][0]["action"] == expected


def test_nothing_is_sent_against_a_preference_that_cannot_be_read(ground: Ground) -> None:
    ground.create()
    ground.send(ground.topics.preferences, "ann", b"garbage")
    ground.send(ground.topics.preferences, "bob", preference("carl", 9))
    ground.flush()
    ground.notify([notification(1, "ann"), notification(1, "bob"), notification(1, "dora")])
    with ground.router():
        ground.drained()
    letters = {m.key().decode(): dict(m.headers()) for m in ground.dead_letters()}
    assert letters.keys() == {"ann", "bob"}
    for letter in letters.values():
        assert letter[names.FAILURE_KIND] == b"permanent"
        assert letter[names.FAILURE_REASON].startswith(b"preference: ")
    assert [d["recipient_id"] for d in ground.decisions()] == ["dora"]


@pytest.mark.parametrize("field", [Priority.LOW, Priority.NORMAL])
def test_the_topic_is_the_priority_whatever_the_field_says(ground: Ground, field: Priority) -> None:
    ground.create()
    value = encoded(notification(1, "ann", priority=field))
    ground.send(ground.topics.notifications[Priority.HIGH], "ann", value)
    ground.flush()
    with ground.router():
        ground.drained()
    [delivery] = ground.deliveries(Channel.EMAIL, Priority.HIGH)
    assert delivery["notification"]["priority"] == field
    assert [d["priority"] for d in ground.decisions()] == ["high"]
    assert ground.deliveries(Channel.EMAIL, field) == []


def test_what_has_expired_is_decided_and_not_delivered(ground: Ground) -> None:
    ground.create()
    ground.notify([notification(1, "ann", expires_at=1)])
    with ground.router():
        ground.drained()
    [decision] = ground.decisions()
    assert [each["action"] for each in decision["channels"]] == ["expire", "expire"]
    assert ground.written(ground.topics.deliveries[Channel.EMAIL, Priority.NORMAL]) == 0


def test_a_notification_as_large_as_kafka_takes_in_is_routed(ground: Ground) -> None:
    large = {"max.message.bytes": str(LARGEST_RECORD)}
    ground.create(deliveries_email_normal=large, deliveries_webhook_normal=large, dead_letters=large)
    body = incompressible(999_000)
    value = encoded(notification(1, "ann", data=body))
    assert 999_000 < len(value) < 1_000_000
    ground.send(ground.topics.notifications[Priority.NORMAL], "ann", value)
    ground.send(ground.topics.notifications[Priority.NORMAL], "bob", value, [("large", b"h" * 200)])
    ground.flush()
    with ground.router():
        ground.drained()
    [delivery] = ground.deliveries(Channel.EMAIL)
    assert delivery["notification"]["data"] == body
    [letter] = ground.dead_letters()
    assert letter.value() == value
