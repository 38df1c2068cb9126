"""Reads the output topics from their beginning, and follows them while faults are put in."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition


class Written(NamedTuple):
    """One record as it stands on an output topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    offset: int = -1


class Reader(threading.Thread):
    """A plain consumer without a group. `take` is called on this thread, in the order of each partition.

    Stops at the first thing it cannot account for (a hole in a partition, what `take` raises): see `failure`.
    """

    def __init__(self, bootstrap_servers: str, topics: Iterable[str], take: Callable[[Written], None]) -> None:
        super().__init__(name="reader", daemon=True)
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "faults-reader",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "reconnect.backoff.max.ms": 1000,
                "log_level": 0,
            }
        )
        known = self._consumer.list_topics(timeout=20).topics
        self.positions = {(topic, partition): 0 for topic in topics for partition in known[topic].partitions}
        self._take = take
        self._stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Read until `stop`."""
        try:
            self._consumer.assign([TopicPartition(*at, 0) for at in self.positions])
            while not self._stopped.is_set():
                for message in self._consumer.consume(1000, 0.1):
                    self._handle(message)
        except Exception as error:
            self.failure = error
        finally:
            self._consumer.close()

    def stop(self) -> None:
        """Back when the thread has ended."""
        self._stopped.set()
        self.join(30)

    def reached(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Whether everything before these offsets was taken."""
        return all(self.positions[at] >= end for at, end in ends.items())

    def _handle(self, message: Message) -> None:
        if error := message.error():
            if error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise RuntimeError(f"{message.topic()}/{message.partition()} cannot be read on: {error}")
            return  # a broker is away; the consumer goes on by itself
        at = (message.topic(), message.partition())
        if message.offset() != self.positions[at]:
            raise RuntimeError(f"{at[0]}/{at[1]} has a hole: {message.offset()} follows {self.positions[at] - 1}")
        self.positions[at] += 1
        self._take(Written(*at, message.key(), message.value(), message.headers() or (), message.offset()))
