"""What must be true of Kafka before a router starts, asked of a real one."""

import socket

import pytest
from confluent_kafka.admin import NewTopic

from streams.app import declared
from streams.engine.ending import EXIT_NO_KAFKA, EXIT_TOPICS, CannotStart
from streams.engine.topic_check import check_topics
from tests.engine.ground import Ground, until


def test_kafka_that_does_not_answer_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotStart, match=f"{address}.*TIDINGS_KAFKA_BOOTSTRAP_SERVERS") as found:
            check_topics(address, {"a": {}}, timeout_seconds=0.5)
    assert found.value.exit_code == EXIT_NO_KAFKA


def test_topics_as_declared_pass_and_the_cluster_is_named(ground: Ground) -> None:
    ground.create()
    cluster = check_topics(ground.bootstrap_servers, declared(ground.topics))
    assert cluster == ground.admin.list_topics(timeout=10).cluster_id


def test_a_missing_topic_is_found(ground: Ground) -> None:
    ground.create(ground.topics.decisions)
    with pytest.raises(CannotStart, match=f"{ground.topics.decisions} is missing") as found:
        check_topics(ground.bootstrap_servers, declared(ground.topics), settle_seconds=1)
    assert found.value.exit_code == EXIT_TOPICS


def test_a_topic_that_a_broker_made_by_itself_is_found(ground: Ground) -> None:
    topic = ground.topics.preferences
    ground.create(topic)
    ground.admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(20)
    until(lambda: topic in ground.admin.list_topics(timeout=10).topics, 20, topic)
    with pytest.raises(CannotStart, match=f"{topic} was created automatically.*apply") as found:
        check_topics(ground.bootstrap_servers, declared(ground.topics), settle_seconds=1)
    assert found.value.exit_code == EXIT_TOPICS


def test_a_setting_that_somebody_made_and_that_does_harm_is_found(ground: Ground) -> None:
    ground.create()
    ground.configure(ground.topics.dead_letters, "max.message.bytes", "1000")
    with pytest.raises(CannotStart, match=f"{ground.topics.dead_letters} has max.message.bytes=1000"):
        check_topics(ground.bootstrap_servers, declared(ground.topics), settle_seconds=1)
