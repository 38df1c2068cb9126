"""What is committed, and what becomes of a commit that failed."""

from typing import Any

from confluent_kafka import KafkaError, KafkaException

from connectors.delivery.assignment import Assignment
from connectors.delivery.incoming import Record
from connectors.delivery.offsets import Offsets

NAMES = ("main", "retry")


class KeptCommits:
    """Stands for the consumer."""

    def __init__(self) -> None:
        self.made: list[dict[tuple[str, int], int]] = []
        self.fails = False

    def commit(self, offsets: list[Any], asynchronous: bool) -> None:
        if self.fails:
            raise KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
        self.made.append({(tp.topic, tp.partition): tp.offset for tp in offsets})


def moved(starts: dict[tuple[int, int], int]) -> tuple[Offsets, Assignment[Record]]:
    """Offset 10 of partition 0 of the main topic has finished."""
    offsets, assignment = Offsets(NAMES), Assignment[Record](starts)
    offsets.start(starts)
    assignment.trackers[0, 0].take(10)
    assignment.trackers[0, 0].complete(10)
    return offsets, assignment


def test_only_what_moved_is_committed_and_only_once() -> None:
    consumer = KeptCommits()
    offsets, assignment = moved({(0, 0): 10, (1, 0): 5})
    offsets.commit(consumer, assignment, asynchronous=True)
    offsets.commit(consumer, assignment, asynchronous=True)
    assert consumer.made == [{("main", 0): 11}]


def test_a_commit_that_could_not_be_asked_for_is_made_again() -> None:
    consumer = KeptCommits()
    offsets, assignment = moved({(0, 0): 10})
    consumer.fails = True
    offsets.commit(consumer, assignment, asynchronous=False)
    consumer.fails = False
    offsets.commit(consumer, assignment, asynchronous=False)
    assert consumer.made == [{("main", 0): 11}]


def test_a_commit_that_kafka_refused_is_made_again() -> None:
    class Answer:
        topic, partition = "main", 0

    consumer = KeptCommits()
    offsets, assignment = moved({(0, 0): 10})
    offsets.commit(consumer, assignment, asynchronous=True)
    offsets.committed(KafkaError(KafkaError.NOT_COORDINATOR), [Answer()])
    offsets.commit(consumer, assignment, asynchronous=True)
    assert consumer.made == [{("main", 0): 11}] * 2
