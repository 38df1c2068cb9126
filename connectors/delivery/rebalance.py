"""What happens when Kafka gives or takes partitions. Runs in the poll thread, inside the consumer's callbacks."""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.delivery.assignment import TIER_0, Assignment
from connectors.delivery.calling import now_ms
from connectors.delivery.clients import admin_config, scanner_config
from connectors.delivery.incoming import Record
from connectors.delivery.offsets import Offsets
from connectors.delivery.ownership import Ownership
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.read_ahead import Place
from connectors.delivery.scan import scan
from connectors.delivery.starts import committed_starts, present_ends
from ops.telemetry import logs, metrics


class Rebalance:
    """Builds assignments and gives them up.

    `process` names this run of this process in claims: an assignment of an earlier run is another owner.
    """

    def __init__(self, policy: SenderPolicy, ownership: Ownership, process: str) -> None:
        self._policy, self._ownership, self._process = policy, ownership, process
        self._sources = {name: source for source, name in enumerate(policy.topics)}
        self._scanner = Consumer(scanner_config(policy))
        self.admin = self._new_admin()
        self.offsets = Offsets(policy.topics)
        self.drain: Callable[[], None] = lambda: None
        self.beat: Callable[[], None] = lambda: None
        self.state = "starting"
        self._epoch = 0
        self._log = logs.get(part="sender")
        metrics.WAITING.labels(str(policy.channel)).set_function(lambda: ownership.assignment.parked.waiting)

    def on_assign(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        """Everything is known before anything runs: starts, then who waits in the retry topics, then assign."""
        began = time.monotonic()
        self.state = "recovering"
        given = committed_starts(consumer, self.admin, self._new_admin, given, self.beat)
        starts = {self._place(tp): tp.offset for tp in given}
        self._check_co_partitioned(starts)
        self._epoch += 1
        owner = f"{self._process}.{self._epoch}".encode()
        assignment: Assignment[Record] = Assignment(starts, self._policy.bounds, owner)
        scanned = self._scan([tp for tp in given if self._sources[tp.topic] >= TIER_0], assignment)
        self.offsets.start(starts)
        self._ownership.assignment = assignment
        urgent = [tp for tp in given if self._sources[tp.topic] in self._policy.urgent_sources]
        consumer.assign(urgent)  # the readers follow by themselves
        if urgent:
            consumer.resume(urgent)  # a pause of ours survives a re-assignment
            self._close_what_is_not_due(consumer, assignment)
        self.state = "ready"
        self._count(starts)
        took_ms = round((time.monotonic() - began) * 1000)
        metrics.ASSIGNED_SECONDS.labels(str(self._policy.channel)).set(took_ms / 1000)
        numbers = sorted({number for _, number in starts})
        self._log.info("assigned", partitions=numbers, waiting=scanned, parked=len(assignment.parked), took_ms=took_ms)

    def on_revoke(self, consumer: Consumer, _taken: list[TopicPartition]) -> None:
        """Finish what is in flight within the deadline, commit, and forget the rest: it starts from the commit."""
        self.state = "recovering"
        self.drain()
        self.offsets.commit(consumer, self._ownership.assignment, asynchronous=False)
        self._give_up()

    def on_lost(self, _consumer: Consumer, _lost: list[TopicPartition]) -> None:
        """Somebody else owns them already: commit nothing."""
        self.state = "recovering"
        self._log.warning("partitions lost")
        self._give_up()

    def close(self) -> None:
        self._scanner.close()

    def _scan(self, retries: list[TopicPartition], into: Assignment[Record]) -> int:
        if not retries:
            return 0
        ends = present_ends(self.admin, self._new_admin, retries, self.beat)
        reach = {tp: ends[tp.topic, tp.partition] for tp in retries}
        return scan(self._scanner, reach, self._sources, into, self.beat)

    def _close_what_is_not_due(self, consumer: Consumer, assignment: Assignment[Record]) -> None:
        """Now, not in the next turn: else the queue would be full of it, and what is urgent behind it."""
        closed, _ = assignment.ahead.flow(now_ms())
        if closed:
            consumer.pause([TopicPartition(self._policy.topics[source], number) for source, number in closed])

    def _new_admin(self) -> AdminClient:
        return AdminClient(admin_config(self._policy))

    def _give_up(self) -> None:
        self._ownership.give_up()
        self._count({})

    def _check_co_partitioned(self, starts: dict[Place, int]) -> None:
        numbers = {number for _, number in starts}
        if len(starts) != len(self._sources) * len(numbers):
            raise RuntimeError(f"not the same partitions of every topic: {sorted(starts)}")

    def _count(self, starts: dict[Place, int]) -> None:
        for name, source in self._sources.items():
            metrics.PARTITIONS.labels(name).set(sum(1 for place in starts if place[0] == source))

    def _place(self, tp: Any) -> Place:
        return self._sources[tp.topic], tp.partition
