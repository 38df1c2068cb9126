"""Who waits in the retry partitions, read before anything is fetched: the parked lanes of a new assignment.

The parked set is exactly the uncommitted records of the retry partitions, so there is no other record of it to keep.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.delivery.assignment import TIER_0, Assignment
from connectors.delivery.incoming import Record, read_wait
from connectors.delivery.parked import Waiting
from ops.telemetry import logs
from schemas.codec import PoisonRecord

_AT_ONCE = 2_000
_POLL_S = 1.0
_TELL_EVERY_S = 10.0
AT_MOST_S = 240.0  # of reading; what it waits for a Kafka that is away does not count
"""Below max.poll.interval.ms (300 s): after it Kafka would give our partitions to one who has as much to read."""


class TooManyWait(RuntimeError):
    """The retry partitions could not be read in time."""


def scan(
    scanner: Consumer,
    retries: Mapping[TopicPartition, int],
    sources: Mapping[str, int],
    into: Assignment[Record],
    beat: Callable[[], None],
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Park what waits in these partitions from their offsets on; how many records that were.

    Each is read to its end, and at least to the end it is given with: what one who owned it before was confirmed lies
    before that (`starts.present_ends`), though its leader, if it is new, may not show all of it yet.

    Reads keys and headers: 20-30 ms when little waits, 12 s of CPU and 140 bytes a lane when a million do. `beat` is
    called while it goes on. Raises KafkaException, and TooManyWait after AT_MOST_S of reading (`clock`: seconds).
    """
    left = {(tp.topic, tp.partition): end for tp, end in retries.items()}
    scanned, reading_s, told_s, log = 0, 0.0, 0.0, logs.get(part="sender")
    scanner.assign([TopicPartition(tp.topic, tp.partition, tp.offset) for tp in retries])
    while left:
        beat()
        began = clock()
        first = scanner.poll(_POLL_S)
        for message in (first, *scanner.consume(_AT_ONCE, 0)) if first is not None else ():
            error = message.error()
            if error is None:
                _park(message, sources[message.topic()], into)
                scanned += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                place = message.topic(), message.partition()
                if message.offset() >= left.get(place, 0):
                    left.pop(place, None)
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
        reading_s += clock() - began if first is not None else 0.0
        if reading_s > AT_MOST_S:
            log.critical("too many wait in the retry topics", read=scanned, hint="start more senders of this channel")
            raise TooManyWait
        if reading_s > told_s + _TELL_EVERY_S:
            told_s = reading_s
            log.info("reading who waits", read=scanned, partitions_left=len(left))
    scanner.unassign()
    return scanned


def _park(message: Any, source: int, into: Assignment[Record]) -> None:
    """Without making a Record: of what a record says, only this is needed here."""
    place, offset = (source, message.partition()), message.offset()
    try:
        told = read_wait(dict(message.headers() or ()))
    except PoisonRecord:
        into.ahead.expect(place, 0, offset)  # it has no lane; it becomes a dead letter when it is read for good
        return
    into.ahead.expect(place, told.due, offset)
    lane, waiting = (message.key() or b"", told.priority), Waiting(source - TIER_0, told.due)
    known = into.parked.find(lane, told.origin)
    if known is None or known.tier <= waiting.tier:  # of two copies the later tier, then the later offset is the newer
        into.parked.put(lane, told.origin, waiting)
