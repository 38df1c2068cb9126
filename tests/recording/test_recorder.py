"""The recorder on real Kafka and PostgreSQL."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.postgres.migrate import migrate
from connectors.postgres.recording import RecordingStore
from connectors.recording.recorder import TOPICS, Recorder, RecorderPolicy
from connectors.recording.rows import Rows
from ops.devstack import Endpoints
from ops.telemetry.health import Health
from schemas import topics
from schemas.codec import Codec
from streams.domain.address_mark import mark_key
from streams.domain.delivery_status import Status, progress
from streams.domain.notification import delivery_id

CODEC = Codec()
EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"


def example(name: str, **changes: Any) -> dict[str, Any]:
    return {**json.loads((EXAMPLES / f"{name}.json").read_text()), **changes}


@pytest.fixture(scope="module")
def dsn(servers: Endpoints, database: str) -> str:
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap_servers})
    there = admin.list_topics(timeout=10).topics
    new = [NewTopic(name, 8, 1) for name in TOPICS if name not in there]
    for made in (admin.create_topics(new) if new else {}).values():
        made.result(10)
    migrate(database)
    return database


class Outage:
    """A store that is away for the first writes."""

    def __init__(self, store: RecordingStore, failures: int) -> None:
        self.store, self.left = store, failures

    def write(self, rows: Rows) -> None:
        if self.left:
            self.left -= 1
            raise psycopg.OperationalError("the server closed the connection unexpectedly")
        self.store.write(rows)


@contextmanager
def recording(servers: Endpoints, dsn: str, failures: int = 0) -> Iterator[Health]:
    health = Health()
    policy = RecorderPolicy(servers.kafka_bootstrap_servers, "tests", session_timeout_ms=6_000)
    with RecordingStore(dsn, CODEC) as store:
        recorder = Recorder(policy, Outage(store, failures), CODEC, health)
        thread = threading.Thread(target=recorder.run, daemon=True)
        thread.start()
        try:
            yield health
        finally:
            recorder.stop()
            thread.join(20)


def produce(servers: Endpoints, *records: tuple[str, bytes | None]) -> None:
    producer = Producer({"bootstrap.servers": servers.kafka_bootstrap_servers, "partitioner": "murmur2_random"})
    for topic, value in records:
        producer.produce(topic, value, "ada")
    assert producer.flush(20) == 0


def rows(dsn: str, query: str, *values: object) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query, values).fetchall()


def until(read: Callable[[], Any], wanted: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while (found := read()) != wanted:
        assert time.monotonic() < deadline, f"{found!r} instead of {wanted!r}"
        time.sleep(0.05)


def decision(identity: str) -> bytes:
    return CODEC.encode("Decision", example("Decision/suppressed_webhook", notification_id=identity))


def status(identity: str, status: Status, attempt: int, **changes: Any) -> bytes:
    told = {
        "notification_id": identity,
        "delivery_id": delivery_id(identity, "email"),
        "status": str(status),
        "attempt": attempt,
        "progress": progress(status, attempt),
    }
    return CODEC.encode("DeliveryStatus", example("DeliveryStatus/sent", **told, **changes))


def test_a_decision_and_its_statuses_are_kept_and_late_news_move_nothing_back(servers: Endpoints, dsn: str) -> None:
    identity = str(uuid4())
    with recording(servers, dsn):
        produce(
            servers,
            (topics.DELIVERY_STATUS, status(identity, Status.SENT, 2)),
            (topics.DECISIONS, decision(identity)),
            (topics.DELIVERY_STATUS, status(identity, Status.RETRYING, 1)),
            (topics.DELIVERY_STATUS, status(identity, Status.SENT, 2)),
        )
        query = "select channel, status, rule from deliveries where notification_id = %s order by channel"
        wanted = [("email", "sent", "default"), ("webhook", "suppressed", "category:shipping+webhook")]
        until(lambda: rows(dsn, query, identity), wanted)
        attempts = "select count(*) from attempts where delivery_id = %s"
        until(lambda: rows(dsn, attempts, delivery_id(identity, "email")), [(2,)])
    assert rows(dsn, "select type from notifications where notification_id = %s", identity) == [("order.shipped",)]


def test_nothing_is_lost_while_postgresql_is_away(servers: Endpoints, dsn: str) -> None:
    identity = str(uuid4())
    with recording(servers, dsn, failures=3) as health:
        produce(servers, (topics.DECISIONS, decision(identity)))
        until(lambda: len(rows(dsn, "select 1 from notifications where notification_id = %s", identity)), 1)
        assert health.state == "ready"


def test_a_poison_record_is_set_aside_and_its_partition_goes_on(servers: Endpoints, dsn: str) -> None:
    identity, poison = str(uuid4()), b"no avro " + uuid4().hex.encode()
    with recording(servers, dsn):
        produce(servers, (topics.DELIVERY_STATUS, poison), (topics.DELIVERY_STATUS, status(identity, Status.SENT, 1)))
        until(lambda: len(rows(dsn, "select 1 from deliveries where notification_id = %s", identity)), 1)
        found = "select kind, origin_topic from dead_letters where value = %s"
        until(lambda: rows(dsn, found, poison), [("poison", topics.DELIVERY_STATUS)])


def test_an_address_that_is_dead_is_marked_and_the_change_is_told_once(servers: Endpoints, dsn: str) -> None:
    identity, who = str(uuid4()), f"ada-{uuid4()}"
    key = mark_key(who, "email", "nobody@example.com")
    told = status(identity, Status.DEAD_LETTERED, 1, recipient_id=who, reason="550: no \0 mailbox", address_mark=key)
    last = str(uuid4())
    with recording(servers, dsn):
        produce(servers, (topics.DELIVERY_STATUS, told), (topics.DELIVERY_STATUS, told))
        produce(servers, (topics.DELIVERY_STATUS, status(last, Status.SENT, 1)))
        until(lambda: len(rows(dsn, "select 1 from deliveries where notification_id = %s", last)), 1)
    [(marks, version)] = rows(dsn, "select address_marks, version from recipients where recipient_id = %s", who)
    assert version == 1
    assert (list(marks), marks[key]["reason"]) == ([key], "550: no  mailbox")
    [(topic, value)] = rows(dsn, "select topic, value from outbox where key = %s", who)
    assert topic == topics.PREFERENCES
    assert CODEC.decode("Preference", value)["version"] == 1


def test_what_was_written_twice_is_there_once(dsn: str) -> None:
    from connectors.recording.rows import add_decision, add_status

    identity, kept = str(uuid4()), Rows()
    add_decision(kept, CODEC.decode("Decision", decision(identity)))
    add_status(kept, CODEC.decode("DeliveryStatus", status(identity, Status.RETRYING, 1, reason="a \0 in a reason")))
    with RecordingStore(dsn, CODEC) as store:
        store.write(kept)
        store.write(kept)
    assert rows(dsn, "select count(*) from deliveries where notification_id = %s", identity) == [(2,)]
    assert rows(dsn, "select reason from attempts where delivery_id = %s", delivery_id(identity, "email")) == [
        ("a  in a reason",)
    ]


@pytest.mark.parametrize("reason", ["\\u0000", "a \\\\u0000 in a path", "\\\0", '"\0"', "ü\0\\"])
def test_regression_a_text_that_spells_an_escape_is_kept_and_only_a_real_nul_is_left_out(dsn: str, reason: str) -> None:
    from connectors.recording.rows import add_status

    identity, kept = str(uuid4()), Rows()
    add_status(kept, CODEC.decode("DeliveryStatus", status(identity, Status.RETRYING, 1, reason=reason)))
    with RecordingStore(dsn, CODEC) as store:
        store.write(kept)
    wanted = [(reason.replace("\0", ""),)]
    assert rows(dsn, "select reason from attempts where delivery_id = %s", delivery_id(identity, "email")) == wanted


def test_a_recorder_whose_name_another_one_took_ends_and_does_not_stand_by_for_ever(
    servers: Endpoints, dsn: str
) -> None:
    ends: list[BaseException | None] = []
    policy = RecorderPolicy(servers.kafka_bootstrap_servers, "twin", session_timeout_ms=6_000)

    def run(recorder: Recorder) -> None:
        try:
            recorder.run()
            ends.append(None)
        except KafkaException as error:
            ends.append(error)

    with RecordingStore(dsn, CODEC) as first, RecordingStore(dsn, CODEC) as second:
        own, other = Health(), Health()
        one, two = Recorder(policy, first, CODEC, own), Recorder(policy, second, CODEC, other)
        threads = [threading.Thread(target=run, args=(recorder,), daemon=True) for recorder in (one, two)]
        threads[0].start()
        until(lambda: own.state, "ready")
        threads[1].start()
        until(lambda: other.state, "ready")
        until(lambda: len(ends), 1)
        two.stop()
        threads[1].join(20)
    assert isinstance(ends[0], KafkaException)
    assert ends[1:] == [None]
