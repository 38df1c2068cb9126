"""Requests answered with errors, on librdkafka's mock cluster: made again when that may help, else the process ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError

from streams.app import declared
from streams.domain.notification import Priority
from streams.engine.ending import EXIT_FAIL_STOP
from tests.engine.ground import PARTITIONS, Ground
from tests.engine.mock_cluster import OFFSET_COMMIT, PRODUCE, MockCluster, mock_cluster

RECORDS = 40
LATER = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockCluster]:
    with mock_cluster() as cluster:
        yield cluster


@pytest.fixture
def ground(mock: MockCluster, tmp_path: Path) -> Ground:
    """Topics of this test's own, with some notifications that wait."""
    ground = Ground(mock.bootstrap_servers, tmp_path)
    for topic in declared(ground.topics):
        mock.create(topic, PARTITIONS)
    for number in range(RECORDS):
        ground.send(ground.topics.notifications[Priority.NORMAL], f"person-{number % 4}", b"%d" % number)
    ground.flush()
    return ground


def copied_in_order(ground: Ground) -> None:
    found: dict[bytes, list[int]] = {}
    for message in ground.read(ground.topics.decisions):
        found.setdefault(message.key(), []).append(int(message.value()))
    assert {key: list(dict.fromkeys(numbers)) for key, numbers in found.items()} == {
        b"person-%d" % person: list(range(person, RECORDS, 4)) for person in range(4)
    }


def test_a_produce_that_may_work_later_is_made_again_and_in_order(mock: MockCluster, ground: Ground) -> None:
    mock.answer(PRODUCE, *LATER)
    with ground.router("copy_process", checked=False) as process:
        ground.drained()
        assert process.stop() == 0, process.said()
    copied_in_order(ground)


@pytest.mark.parametrize("refusal", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_RECORD])
def test_a_produce_that_is_refused_for_good_ends_the_process_and_commits_nothing_of_it(
    mock: MockCluster, ground: Ground, refusal: int
) -> None:
    mock.answer(PRODUCE, *LATER, refusal)
    with ground.router("copy_process", checked=False) as process:
        assert process.ended(30) == EXIT_FAIL_STOP, process.said()
        assert "was not delivered" in process.said()
    assert sum(ground.committed().values()) < RECORDS
    with ground.router("copy_process", checked=False) as process:
        ground.drained()
        assert process.stop() == 0, process.said()
    copied_in_order(ground)


@pytest.mark.parametrize(
    "error",
    [
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.ILLEGAL_GENERATION,
    ],
)
def test_a_commit_that_fails_is_made_again_and_nothing_is_lost(mock: MockCluster, ground: Ground, error: int) -> None:
    mock.answer(OFFSET_COMMIT, error, error)
    with ground.router("copy_process", checked=False) as process:
        ground.drained()
        assert process.stop() == 0, process.said()
    copied_in_order(ground)


def test_a_commit_of_a_process_whose_name_somebody_else_took_ends_it(mock: MockCluster, ground: Ground) -> None:
    mock.answer(OFFSET_COMMIT, KafkaError.FENCED_INSTANCE_ID)
    with ground.router("copy_process", checked=False) as process:
        assert process.ended(30) == EXIT_FAIL_STOP, process.said()
    with ground.router("copy_process", checked=False) as process:
        ground.drained()
        assert process.stop() == 0, process.said()
    copied_in_order(ground)
