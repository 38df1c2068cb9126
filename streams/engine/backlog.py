"""How much waits in Kafka, asked on a connection of its own.

A client that sleeps cannot tell that it does, and on a consumer's connection every question waits behind its fetch.
"""

from collections.abc import Mapping

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.engine.batch import Partition


class Backlog:
    """Compares read positions with the ends of the partitions. Blocks: for the watchdog's thread."""

    def __init__(self, bootstrap_servers: str, timeout_seconds: float = 3.0) -> None:
        self._settings = {"bootstrap.servers": bootstrap_servers, "log_level": 0}
        self._admin = AdminClient(self._settings)
        self._timeout = timeout_seconds

    def waiting(self, positions: Mapping[Partition, int | None]) -> str | None:
        """What waits, in words; None: nothing, or Kafka does not answer. No position: not known to the client yet."""
        unknown = [tp for tp, position in positions.items() if position is None]
        if unknown:
            return f"{len(unknown)} partitions are not being read, such as {unknown[0].topic}/{unknown[0].partition}"
        try:
            ends = self.ends(list(positions))
        except KafkaException:
            return None
        behind = {tp: end - (positions[tp] or 0) for tp, end in ends.items() if end > (positions[tp] or 0)}
        return f"{sum(behind.values())} records wait on {len(behind)} partitions" if behind else None

    def ends(self, partitions: list[Partition]) -> dict[Partition, int]:
        """Where each of them ends. Raises KafkaException when Kafka does not tell it of every one."""
        if not partitions:
            return {}
        try:
            return self._ends(partitions)
        except KafkaException:
            self._admin = AdminClient(self._settings)  # one that knew former leaders may ask with their epochs for ever
            raise

    def _ends(self, partitions: list[Partition]) -> dict[Partition, int]:
        asked = self._admin.list_offsets(
            {TopicPartition(tp.topic, tp.partition): OffsetSpec.latest() for tp in partitions},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=self._timeout,
        )
        found = {Partition(tp.topic, tp.partition): answer.result().offset for tp, answer in asked.items()}
        if any(end < 0 for end in found.values()):  # the client's word for a leader that did not answer (-1001)
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
        return found
