"""Commits of the current assignment: only ever the lowest unfinished offset of a partition."""

from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.delivery.assignment import Assignment
from connectors.delivery.incoming import Record
from connectors.delivery.read_ahead import Place
from ops.telemetry import logs

_UNKNOWN = -1


class Offsets:
    """Used by the poll thread only."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: the topics by source."""
        self._names = names
        self._sources = {name: source for source, name in enumerate(names)}
        self._committed: dict[Place, int] = {}
        self._log = logs.get(part="sender")

    def start(self, starts: dict[Place, int]) -> None:
        """A new assignment begins at these offsets."""
        self._committed = dict(starts)

    def commit(self, consumer: Consumer, assignment: Assignment[Record], asynchronous: bool) -> None:
        """What has moved. A commit that fails is made again with the next one; late, it only costs repeated work."""
        committed = self._committed
        moved = {
            place: base
            for place, t in assignment.trackers.items()
            if (base := t.base) != committed.get(place, _UNKNOWN)
        }
        if not moved:
            return
        offsets = [TopicPartition(self._names[source], number, base) for (source, number), base in moved.items()]
        committed |= moved
        try:
            consumer.commit(offsets=offsets, asynchronous=asynchronous)
        except KafkaException as error:
            self.committed(error.args[0], offsets)

    def committed(self, error: Any, partitions: Sequence[TopicPartition]) -> None:
        """Kafka's answer to a commit (librdkafka's on_commit)."""
        if error is not None:
            self._log.warning("commit failed", reason=str(error))
            for tp in partitions:
                self._committed[self._sources[tp.topic], tp.partition] = _UNKNOWN
