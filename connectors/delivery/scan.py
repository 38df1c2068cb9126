"""Who waits in the retry partitions, read before anything is fetched: the parked lanes of a new assignment.

The parked set is exactly the uncommitted records of the retry partitions, so there is no other record of it to keep.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.delivery.assignment import TIER_0, Assignment
from connectors.delivery.incoming import Record
from connectors.delivery.parked import Waiting
from schemas.codec import PoisonRecord

_AT_ONCE = 1_000
_POLL_S = 1.0


def scan(
    scanner: Consumer,
    retries: Sequence[TopicPartition],
    sources: Mapping[str, int],
    into: Assignment[Record],
    beat: Callable[[], None],
) -> int:
    """Park what waits from the committed offsets to the ends of these partitions; how many records that were.

    Reads keys and headers, 20-30 ms when little waits. `beat` is called while it goes on. Raises KafkaException.
    """
    left = {(tp.topic, tp.partition) for tp in retries}
    scanned = 0
    scanner.assign([TopicPartition(tp.topic, tp.partition, tp.offset) for tp in retries])
    while left:
        beat()
        first = scanner.poll(_POLL_S)
        for message in (first, *scanner.consume(_AT_ONCE, 0)) if first is not None else ():
            error = message.error()
            if error is None:
                _park(message, sources[message.topic()], into)
                scanned += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard((message.topic(), message.partition()))
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
    scanner.unassign()
    return scanned


def _park(message: Any, source: int, into: Assignment[Record]) -> None:
    record = Record(into, message, source)
    try:
        record.read_place()
    except PoisonRecord:
        return  # it has no lane; it becomes a dead letter when it is read for good
    waiting = Waiting(source - TIER_0, record.due)
    known = into.parked.find(record.lane, record.origin)
    if known is None or known.tier <= waiting.tier:  # of two copies the later tier, then the later offset is the newer
        into.parked.put(record.lane, record.origin, waiting)
