"""What must be true of Kafka before a router starts."""

import socket

import pytest

from streams.engine.ending import EXIT_NO_KAFKA, EXIT_TOPICS, CannotStart
from streams.engine.topic_check import check_topics, fault_of
from tests.engine.ground import Ground


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"a": 8, "b": 8, "c": 8, "other": 3}, None),
        ({"a": 8, "c": 8}, "topic b is missing: `tidings topics apply`"),
        ({"c": 8}, "topic a and 1 more topics are missing: `tidings topics apply`"),
        ({"a": 8, "b": 4, "c": 8}, "topic b has 4 partitions, a has 8"),
    ],
)
def test_the_fault_names_topic_and_fix(counts: dict[str, int], said: str | None) -> None:
    fault = fault_of(counts, ["a", "b", "c"])
    if said is None:
        assert fault is None
    else:
        assert fault is not None
        assert said in fault
        assert "\n" not in fault
        assert "tidings topics apply" in fault


def test_kafka_that_does_not_answer_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotStart, match=f"{address}.*TIDINGS_KAFKA_BOOTSTRAP_SERVERS") as found:
            check_topics(address, ["a"], timeout_seconds=0.5)
    assert found.value.exit_code == EXIT_NO_KAFKA


def test_topics_that_exist_and_fit_together_pass(ground: Ground) -> None:
    ground.create()
    check_topics(ground.bootstrap_servers, ground.topics.all())


def test_a_missing_topic_is_found_on_kafka(ground: Ground) -> None:
    ground.create(ground.topics.decisions)
    with pytest.raises(CannotStart, match=f"{ground.topics.decisions} is missing") as found:
        check_topics(ground.bootstrap_servers, ground.topics.all(), settle_seconds=1)
    assert found.value.exit_code == EXIT_TOPICS
