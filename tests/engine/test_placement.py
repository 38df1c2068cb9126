"""Records on wrong partitions: one among many is its producer's trouble, a topic of them is everybody's."""

import time

import pytest
from confluent_kafka import Producer, murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas import headers as names
from streams.domain.notification import Priority
from streams.engine.ending import EXIT_TOPICS, CannotStart
from streams.engine.placement import NEWEST, Seen, belongs, fault_of_stream, fault_of_table
from streams.engine.placement_check import check_placement
from tests.engine.ground import PARTITIONS, Ground

COUNT = 8


def seen(number: int, wrong: bool = False, tombstone: bool = False, source: str | None = "/shop") -> Seen:
    """Record `number` of its topic, each with a key of its own."""
    key = b"key-%d" % number
    at = murmur2(key, COUNT)
    return Seen((at + wrong) % COUNT, number, 1_000 + number, key, tombstone, source)


@given(st.binary(min_size=1), st.integers(1, 512))
def test_a_key_belongs_on_exactly_one_partition(key: bytes, partitions: int) -> None:
    assert [p for p in range(partitions) if belongs(key, p, partitions)] == [murmur2(key, partitions)]


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"abc", 479470107),
    ],
)
def test_it_is_the_partition_of_java_clients(key: bytes, hashed: int) -> None:
    """Values of Kafka's own test of org.apache.kafka.common.utils.Utils.murmur2; the sign bit is dropped."""
    for partitions in (1, 4, 8, 512):
        assert belongs(key, (hashed & 0x7FFFFFFF) % partitions, partitions)


@pytest.mark.parametrize(
    ("wrong", "right", "refused"),
    [(0, 0, False), (0, 300, False), (1, 0, True), (1, 3, True), (1, 4, False), (12, 38, False), (13, 37, True)],
)
def test_a_stream_is_refused_when_a_quarter_of_its_newest_records_lie_wrong(
    wrong: int, right: int, refused: bool
) -> None:
    records = [seen(n, wrong=n < wrong) for n in range(wrong + right)]
    assert (fault_of_stream("events", records, COUNT) is not None) is refused


def test_a_producer_that_was_mended_is_forgiven() -> None:
    before, after = [seen(n, wrong=True) for n in range(500)], [seen(n) for n in range(500, 500 + NEWEST)]
    assert fault_of_stream("events", after + before, COUNT) is None
    assert fault_of_stream("events", after[:30] + before, COUNT) is not None


def test_one_misplaced_value_of_a_table_is_too_many() -> None:
    records = [seen(n, wrong=n == 5) for n in range(300)]
    fault = fault_of_table("wishes", records, COUNT)
    assert fault is not None
    assert f"wishes/{records[5].partition}@5" in fault
    assert fault_of_table("wishes", records[6:], COUNT) is None


def test_a_misplaced_value_that_was_taken_back_is_forgiven() -> None:
    wrong = seen(5, wrong=True)
    gone = Seen(wrong.partition, 9, 2_000, wrong.key, tombstone=True)
    assert fault_of_table("wishes", [gone, wrong], COUNT) is None


@pytest.mark.parametrize("rule", [fault_of_stream, fault_of_table])
def test_the_fault_names_record_producer_and_fix(rule: object) -> None:
    wrong = seen(5, wrong=True)
    for source, told in (("/shop", "ce_source /shop"), (None, "without ce_source")):
        fault = rule("events", [Seen(wrong.partition, 5, 0, wrong.key, source=source)], COUNT)  # type: ignore[operator]
        for part in (f"events/{wrong.partition}@5", told, f"on {(wrong.partition - 1) % COUNT}", "murmur2_random"):
            assert part in fault
        assert "\n" not in fault


Values = dict[str, bytes | None]


def write(ground: Ground, topic: str, values: Values, partitioner: str, source: bytes = b"/shop") -> None:
    producer = Producer({"bootstrap.servers": ground.bootstrap_servers, "partitioner": partitioner, "log_level": 0})
    for key, value in values.items():
        producer.produce(topic, value, key.encode(), headers=[(names.SOURCE, source)])
    assert producer.flush(30) == 0


def check(ground: Ground, **limits: float) -> None:
    check_placement(ground.bootstrap_servers, ground.topics.notifications.values(), ground.topics.preferences, **limits)


KEYS: Values = {f"person-{n}": b"value" for n in range(2_000)}


def test_empty_topics_and_topics_written_as_ours_are_pass_and_quickly(ground: Ground) -> None:
    ground.create()
    for written in (False, True):
        if written:
            for topic in (*ground.topics.notifications.values(), ground.topics.preferences):
                write(ground, topic, KEYS, "murmur2_random")
        started = time.monotonic()
        check(ground, look_seconds=20)
        assert time.monotonic() - started < 10


def test_a_topic_that_no_broker_tells_of_yet_is_not_looked_at(ground: Ground) -> None:
    ground.create(ground.topics.preferences)
    check(ground)


def test_the_default_partitioner_of_librdkafka_is_refused_with_the_fix(ground: Ground) -> None:
    ground.create()
    topic = ground.topics.notifications[Priority.LOW]
    write(ground, topic, KEYS, "consistent_random", b"/billing")
    with pytest.raises(CannotStart, match=rf"topic {topic}.*ce_source /billing.*murmur2_random") as found:
        check(ground)
    assert found.value.exit_code == EXIT_TOPICS


def test_a_preference_where_nobody_would_find_it_is_refused_until_it_is_taken_back(ground: Ground) -> None:
    ground.create()
    topic = ground.topics.preferences
    write(ground, topic, KEYS, "murmur2_random")
    at = next(p for p in range(PARTITIONS) if not belongs(b"ann", p, PARTITIONS))
    producer = Producer({"bootstrap.servers": ground.bootstrap_servers, "log_level": 0})
    for value in (b"wish", None):
        producer.produce(topic, value, b"ann", partition=at)
        assert producer.flush(30) == 0
        if value:
            with pytest.raises(CannotStart, match=rf"{topic}/{at}@.*tombstone for its key to partition {at}"):
                check(ground)
        else:
            check(ground)


def test_it_does_not_look_longer_than_it_may(ground: Ground) -> None:
    ground.create()
    write(ground, ground.topics.notifications[Priority.LOW], KEYS, "consistent_random")
    check(ground, look_seconds=0)


def test_a_router_does_not_start_on_topics_that_are_written_wrongly(ground: Ground) -> None:
    ground.create()
    topic = ground.topics.notifications[Priority.HIGH]
    write(ground, topic, KEYS, "consistent_random")
    with ground.router() as router:
        assert router.ended(30) == EXIT_TOPICS
        assert router.said().startswith("tidings router: ")
        assert topic in router.said()
        assert router.said().count("\n") == 1
    assert ground.committed() == {}
