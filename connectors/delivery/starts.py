"""From which offsets an assignment starts, and how far its partitions reach."""

import time
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.telemetry import logs

_SECONDS = 30
_ONE_ANSWER_SECONDS = 3  # a client that asks while brokers start can wait out its whole time for what is there by now
_PAUSE_S = 0.1
# a leader moves, or a topic was made a moment ago; the client calls none of these retriable
_PASSING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._NOENT,  # "no leaders found"
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
        KafkaError._WAIT_COORD,
    }
)
T = TypeVar("T")


def committed_starts(
    consumer: Consumer,
    admin: AdminClient,
    again: Callable[[], AdminClient],
    given: Sequence[TopicPartition],
    beat: Callable[[], None],
) -> list[TopicPartition]:
    """The partitions with the offsets to start from: what was committed, but never before what Kafka still has.

    `again()` makes another client like `admin`.
    `beat` is called while brokers start or a leader is elected. Raises KafkaException when Kafka does not answer within
    30 s.
    """
    if not given:
        return []
    found = _answered(lambda: _committed(consumer, given), beat)
    firsts = _offsets(admin, again, given, OffsetSpec.earliest(), beat)
    for tp in found:
        first = firsts[tp.topic, tp.partition]
        if 0 <= tp.offset < first:
            gone = first - tp.offset
            logs.get(part="sender").error("deleted unread", topic=tp.topic, partition=tp.partition, count=gone)
        tp.offset = max(tp.offset, first)
    return found


def present_ends(
    admin: AdminClient, again: Callable[[], AdminClient], given: Sequence[TopicPartition], beat: Callable[[], None]
) -> dict[tuple[str, int], int]:
    """The end of each partition, behind all that was confirmed before: a new leader does not answer until it knows it.

    A fetch from it can meet an earlier end for a moment (KIP-207). Arguments and errors are as of committed_starts.
    """
    return _offsets(admin, again, given, OffsetSpec.latest(), beat)


def _offsets(
    admin: AdminClient,
    again: Callable[[], AdminClient],
    given: Sequence[TopicPartition],
    which: OffsetSpec,
    beat: Callable[[], None],
) -> dict[tuple[str, int], int]:
    admins = chain([admin], iter(again, None))  # one that knew the leaders of before asks with their epochs for ever
    return _answered(lambda: _listed(next(admins), given, which), beat)


def _answered(ask: Callable[[], T], beat: Callable[[], None]) -> T:
    """What Kafka says; asked again while what it says will pass."""
    deadline = time.monotonic() + _SECONDS
    while True:
        beat()
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_S)


def _committed(consumer: Consumer, given: Sequence[TopicPartition]) -> list[TopicPartition]:
    found: list[TopicPartition] = consumer.committed(list(given), timeout=_ONE_ANSWER_SECONDS)
    for tp in found:
        if tp.error:
            raise KafkaException(tp.error)
    return found


def _listed(admin: AdminClient, given: Sequence[TopicPartition], which: OffsetSpec) -> dict[tuple[str, int], int]:
    asked = {TopicPartition(tp.topic, tp.partition): which for tp in given}
    answers = admin.list_offsets(asked, request_timeout=_ONE_ANSWER_SECONDS)
    found = {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}
    if any(offset < 0 for offset in found.values()):  # the client's word for a leader that did not answer (-1001)
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
    return found
