"""Whether everything is through: every group has committed to the end, and every output was read."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

_REQUEST_SECONDS = 5

Ends = dict[tuple[str, int], int]


class Group(NamedTuple):
    """A consumer group and the topics it must work off."""

    name: str
    topics: Sequence[str]


class Drain:
    """Asks Kafka past everybody else.

    Committed offsets are asked by a consumer that never joins: librdkafka's AdminClient ends the whole process when a
    broker goes away while it is asked about a group (librdkafka issues 3663 and 4605, seen here with 2.16).
    """

    def __init__(self, bootstrap_servers: str, groups: Sequence[Group]) -> None:
        settings = {"bootstrap.servers": bootstrap_servers, "reconnect.backoff.max.ms": 1000, "log_level": 0}
        self._admin = AdminClient(settings)
        self._groups = [
            (group, Consumer({**settings, "group.id": group.name, "enable.auto.commit": False})) for group in groups
        ]

    def close(self) -> None:
        """Let go of the connections."""
        for _, member in self._groups:
            member.close()

    def wait(self, outputs: Sequence[str], reached: Callable[[Ends], bool], seconds: float) -> bool:
        """Back when every group is done and all outputs are reached; False when that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.lag() == 0 and reached(self.ends(outputs)):
                    return True
            except KafkaException:  # a broker is away, or on its way back
                pass
            time.sleep(0.1)
        return False

    def lag(self) -> int:
        """What is not committed, of the first group that is behind. Raises KafkaException when nobody answers."""
        for group, member in self._groups:
            ends = self.ends(group.topics)
            done: dict[tuple[str, int], int] = {}
            for each in member.committed([TopicPartition(*at) for at in ends], timeout=_REQUEST_SECONDS):
                if each.error:
                    raise KafkaException(each.error)
                done[each.topic, each.partition] = max(0, each.offset)
            if left := sum(max(0, end - done[at]) for at, end in ends.items()):
                return left
        return 0

    def ends(self, of: Sequence[str]) -> Ends:
        """End offset of every partition of these topics. Raises KafkaException when a broker does not answer."""
        known = self._admin.list_topics(timeout=_REQUEST_SECONDS).topics
        if missing := [topic for topic in of if topic not in known]:  # a broker that has just come back may say so
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, missing[0]))
        wanted = [TopicPartition(topic, partition) for topic in of for partition in known[topic].partitions]
        answers = self._admin.list_offsets(
            {each: OffsetSpec.latest() for each in wanted}, request_timeout=_REQUEST_SECONDS
        )
        return {(each.topic, each.partition): answer.result().offset for each, answer in answers.items()}
