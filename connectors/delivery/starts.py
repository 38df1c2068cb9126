"""From which offsets an assignment starts."""

import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.telemetry import logs

_SECONDS = 30
_PAUSE_S = 0.1
# a leader moves, or a topic was made a moment ago; the client calls none of these retriable
_PASSING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
    }
)


def committed_starts(
    consumer: Consumer, admin: AdminClient, given: Sequence[TopicPartition], beat: Callable[[], None]
) -> list[TopicPartition]:
    """The partitions with the offsets to start from: what was committed, but never before what Kafka still has.

    `beat` is called while a leader is being elected. Raises KafkaException when Kafka does not answer within 30 s.
    """
    if not given:
        return []
    found: list[TopicPartition] = consumer.committed(list(given), timeout=_SECONDS)
    firsts = _firsts(admin, given, beat)
    for tp in found:
        if tp.error:
            raise KafkaException(tp.error)
        first = firsts[tp.topic, tp.partition]
        if 0 <= tp.offset < first:
            gone = first - tp.offset
            logs.get(part="sender").error("deleted unread", topic=tp.topic, partition=tp.partition, count=gone)
        tp.offset = max(tp.offset, first)
    return found


def _firsts(
    admin: AdminClient, given: Sequence[TopicPartition], beat: Callable[[], None]
) -> dict[tuple[str, int], int]:
    """The first offset of each partition; again while its leader is changing."""
    deadline = time.monotonic() + _SECONDS
    while True:
        beat()
        asked = {TopicPartition(tp.topic, tp.partition): OffsetSpec.earliest() for tp in given}
        answers = admin.list_offsets(asked, request_timeout=_SECONDS)
        try:
            return {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_S)
