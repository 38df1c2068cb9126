"""Looks at the last records of topics before a process starts: do their producers partition as we do?"""

from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas import headers
from streams.engine.ending import EXIT_TOPICS, CannotStart
from streams.engine.placement import Seen, fault_of_stream, fault_of_table
from streams.engine.topic_check import no_kafka

_LAST = 200  # records of a partition
_ALL = 4_000  # records of a topic
_ROUND = 1_000
_SETTINGS = {
    "group.id": "placement-check",  # never joined, never committed to
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "latest",  # what was deleted meanwhile need not be seen
    "fetch.wait.max.ms": 10,
    "max.partition.fetch.bytes": 256 * 1024,
    "queued.max.messages.kbytes": 16 * 1024,
    "log_level": 0,
}


def check_placement(
    bootstrap_servers: str, streams: Iterable[str], table: str, look_seconds: float = 1.0, timeout_seconds: float = 10.0
) -> None:
    """Raises CannotStart when the last records of a stream, or of the table, lie on wrong partitions.

    Looks for `look_seconds` at most: what it has not seen by then is taken to be right.
    """
    names = [*streams, table]
    try:
        counts, spans = _spans(bootstrap_servers, names, timeout_seconds)
        seen = _last_records(bootstrap_servers, spans, look_seconds)
    except KafkaException:
        raise no_kafka(bootstrap_servers, timeout_seconds) from None
    for name, count in counts.items():
        rule = fault_of_table if name == table else fault_of_stream
        fault = rule(name, seen.get(name, []), count)
        if fault:
            raise CannotStart(fault, EXIT_TOPICS)


def _spans(
    bootstrap_servers: str, names: list[str], timeout_seconds: float
) -> tuple[dict[str, int], dict[TopicPartition, int]]:
    """Partitions of each topic that is told of; where to begin to read those that are not empty, with their end."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    topics = admin.list_topics(timeout=timeout_seconds).topics
    # A broker that has just heard of a topic from the controller may not tell of it yet: then nobody has written to it.
    counts = {name: len(topics[name].partitions) for name in names if name in topics}
    first, end = (
        _offsets(admin, [TopicPartition(n, p) for n in counts for p in range(counts[n])], spec, timeout_seconds)
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
    )
    spans = {}
    for (topic, partition), last in end.items():
        begin = max(first.get((topic, partition), 0), last - min(_LAST, max(1, _ALL // counts[topic])))
        if begin < last:
            spans[TopicPartition(topic, partition, begin)] = last
    return counts, spans


def _offsets(
    admin: AdminClient, asked: list[TopicPartition], spec: OffsetSpec, timeout_seconds: float
) -> dict[tuple[str, int], int]:
    """Those that are told: a partition whose leader has just moved has no answer for a moment."""
    answers = admin.list_offsets(dict.fromkeys(asked, spec), request_timeout=timeout_seconds)
    return {
        (tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items() if not answer.exception()
    }


def _last_records(
    bootstrap_servers: str, spans: Mapping[TopicPartition, int], look_seconds: float
) -> dict[str, list[Seen]]:
    found: dict[str, list[Seen]] = {}
    if not spans:
        return found
    deadline = monotonic() + look_seconds
    missing = {(tp.topic, tp.partition): end for tp, end in spans.items()}
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, **_SETTINGS})
    try:
        consumer.assign(list(spans))
        while missing and monotonic() < deadline:
            for message in consumer.consume(_ROUND, 0.02):
                at = message.topic(), message.partition()
                if message.error() is not None:
                    missing.pop(at, None)  # its end, or it does not answer
                    continue
                if message.key() is not None:
                    found.setdefault(message.topic(), []).append(_seen(message))
                if message.offset() + 1 >= missing.get(at, 0):
                    missing.pop(at, None)
    finally:
        consumer.close()
    return found


def _seen(message: Any) -> Seen:
    source = dict(message.headers() or ()).get(headers.SOURCE)
    return Seen(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value() is None,
        source.decode(errors="replace") if source else None,
    )
