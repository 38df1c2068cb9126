"""Topics on a real cluster."""

from uuid import uuid4

import pytest
from confluent_kafka import Producer

from connectors.kafka.topic_admin import TopicAdmin
from connectors.kafka.topic_plan import Configure, Refuse, plan
from connectors.unavailable import Unavailable
from ops.devstack import Endpoints
from schemas.topics import Topic


def test_a_plan_is_carried_out_and_then_there_is_nothing_left_to_do(servers: Endpoints) -> None:
    topic = Topic(f"planned-{uuid4().hex[:8]}", None, ("a",), ("b",), {"retention.ms": "60000"})
    admin = TopicAdmin(servers.kafka_bootstrap_servers)
    admin.apply(plan([topic], admin.found([topic.name]), 3, 1))
    found = admin.found([topic.name])
    assert (found[topic.name].partitions, found[topic.name].config) == (3, {"retention.ms": "60000"})
    assert plan([topic], found, 3, 1) == ()

    changed = Topic(topic.name, None, ("a",), ("b",), {"retention.ms": "120000"})
    steps = plan([changed], found, 3, 1)
    assert [type(step) for step in steps] == [Configure]
    admin.apply(steps)
    assert admin.found([topic.name])[topic.name].config == {"retention.ms": "120000"}


def test_a_new_topic_can_be_used_as_soon_as_it_is_applied(servers: Endpoints) -> None:
    topics = [Topic(f"usable-{n}-{uuid4().hex[:8]}", None, ("a",), ("b",)) for n in range(5)]
    admin = TopicAdmin(servers.kafka_bootstrap_servers)
    admin.apply(plan(topics, {}, 8, 1))
    failed: list[object] = []
    producer = Producer({"bootstrap.servers": servers.kafka_bootstrap_servers, "retries": 0})
    for topic in topics:
        for partition in range(8):
            producer.produce(
                topic.name, b"x", partition=partition, on_delivery=lambda e, _: failed.extend([e] if e else [])
            )
    assert producer.flush(20) == 0
    assert failed == []


def test_a_topic_with_another_partition_count_is_left_as_it_is(servers: Endpoints) -> None:
    topic = Topic(f"kept-{uuid4().hex[:8]}", None, ("a",), ("b",))
    admin = TopicAdmin(servers.kafka_bootstrap_servers)
    admin.apply(plan([topic], {}, 2, 1))
    steps = plan([topic], admin.found([topic.name]), 4, 1)
    assert [type(step) for step in steps] == [Refuse]
    admin.apply(steps)
    assert admin.found([topic.name])[topic.name].partitions == 2


def test_kafka_away_is_said_in_so_many_words() -> None:
    with pytest.raises(Unavailable, match="Kafka is unavailable"):
        TopicAdmin("127.0.0.1:9", seconds=1).found(["any"])
