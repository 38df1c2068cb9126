"""The brokers of a stack: which one leads what, and the blows they take."""

import signal
import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.devstack import Stack, StackFailed
from ops.devstack.kafka_probe import behind
from ops.faults.ends import Ends

T = TypeVar("T")
IN_SYNC_SECONDS = 60.0
OFFSETS_TOPIC = "__consumer_offsets"
_REQUEST_SECONDS = 5.0


def offsets_partition(group: str, partitions: int) -> int:
    """Where Kafka keeps a group's offsets: Java's hash of the group's name (ASCII), without its sign."""
    made = 0
    for letter in group:
        made = (31 * made + ord(letter)) & 0xFFFFFFFF
    signed = made - 2**32 if made >= 2**31 else made
    return (abs(signed) & 0x7FFFFFFF) % partitions


class Brokers:
    """`names`: the servers of the stack that are brokers; of several, number n is `kafka-n`. `addresses`: for clients,
    comma-separated."""

    def __init__(self, stack: Stack, ends: Ends) -> None:
        self._stack, self._ends = stack, ends
        self.addresses = stack.endpoints.kafka_bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": self.addresses, "log_level": 0})
        self.names = tuple(sorted(name for name in stack.pids() if name.startswith("kafka")))

    def kill(self, name: str) -> None:
        """kill -9; it stays away until `start`."""
        self._ends.invite(name, -signal.SIGKILL)
        self._stack.signal(name, signal.SIGKILL)

    def stop(self, name: str) -> None:
        """An orderly stop; it stays away until `start`."""
        self._stack.stop(name)

    def start(self, name: str) -> None:
        """Back when it works."""
        self._stack.start(name)

    def leaders(self, topic: str) -> dict[int, str]:
        """By number of its partitions, the broker that leads each of them now."""
        known = self._asked(lambda: self._admin.list_topics(topic, timeout=_REQUEST_SECONDS))
        return {number: self._named(each.leader) for number, each in known.topics[topic].partitions.items()}

    def coordinator(self, group: str) -> str:
        """The broker that coordinates a consumer group now: it leads the partition that keeps the group's offsets."""
        leaders = self.leaders(OFFSETS_TOPIC)
        return leaders[offsets_partition(group, len(leaders))]

    def in_sync(self) -> None:
        """Wait until every partition has all its copies, so that the next blow is the only one."""
        deadline = time.monotonic() + IN_SYNC_SECONDS
        while left := self._asked(lambda: behind(self.addresses)):
            if time.monotonic() > deadline:
                raise StackFailed(f"copies are not in sync after {IN_SYNC_SECONDS:g} s: {left[0]} and others")
            time.sleep(0.1)

    def _named(self, number: int) -> str:
        return self.names[0] if len(self.names) == 1 else f"kafka-{number}"

    def _asked(self, question: Callable[[], T]) -> T:
        deadline = time.monotonic() + IN_SYNC_SECONDS
        while True:
            try:
                return question()
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise StackFailed(f"the brokers do not answer: {error}") from error
                time.sleep(0.1)
