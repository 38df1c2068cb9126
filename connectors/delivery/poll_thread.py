"""The thread that owns the consumer: poll, hand over to the loop, pause and resume, commit."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.delivery.assignment import Assignment
from connectors.delivery.clients import consumer_config
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.incoming import Record
from connectors.delivery.ownership import Ownership
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.rebalance import Rebalance
from ops.telemetry import logs

_PAUSED_POLL_S = 0.02  # a partition that could be resumed waits at most so long

Take = Callable[[Assignment[Record], list[Any]], None]


class PollThread:
    """Batches cross to the loop one at a time: while one is being taken the next is being fetched."""

    def __init__(
        self,
        policy: SenderPolicy,
        ownership: Ownership,
        rebalance: Rebalance,
        loop: asyncio.AbstractEventLoop,
        take: Take,
    ) -> None:
        """`take` runs on the loop. It must not raise."""
        self._policy, self._ownership, self._rebalance = policy, ownership, rebalance
        self._loop, self._take = loop, take
        self._names = policy.topics
        self._sources = {name: source for source, name in enumerate(policy.topics)}
        self._stopping, self._taken = threading.Event(), threading.Event()
        self._commit_every_s = policy.commit_every.total_seconds()
        self._committed_at = 0.0
        on_commit = {"on_commit": rebalance.offsets.committed}
        self._consumer = Consumer(consumer_config(policy) | on_commit)
        self.beat_at = time.monotonic()
        self._log = logs.get(part="sender")

    def stop(self) -> None:
        """Give up the partitions in good order and return from run()."""
        self._stopping.set()

    def beat(self) -> None:
        """A sign of life."""
        self.beat_at = time.monotonic()

    def run(self) -> None:
        """Until stop(). Any exception stops the process."""
        try:
            turns = self._rebalance
            self._consumer.subscribe(
                list(self._names), on_assign=turns.on_assign, on_revoke=turns.on_revoke, on_lost=turns.on_lost
            )
            while not self._stopping.is_set():
                self._turn()
            turns.on_revoke(self._consumer, [])
            self._consumer.close()
            turns.close()
        except BaseException as error:
            fail_stop(error)

    def _turn(self) -> None:
        self.beat()
        self._apply_flow()
        now = time.monotonic()
        if now - self._committed_at > self._commit_every_s:
            self._committed_at = now
            self._rebalance.offsets.commit(self._consumer, self._ownership.assignment, asynchronous=True)
        message = self._consumer.poll(_PAUSED_POLL_S if self._ownership.assignment.paused else self._commit_every_s)
        if message is not None:
            # `consume` would wait for a full batch: it only drains what has come (measured: half its timeout saved)
            assignment = self._ownership.assignment
            self._hand_over(assignment, [message, *self._consumer.consume(self._policy.batch - 1, 0)])

    def _hand_over(self, assignment: Assignment[Record], messages: list[Any]) -> None:
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
            else:
                self._log.warning("kafka", reason=error.str())
        if assignment is not self._ownership.assignment:
            self._rewind(good)
        elif good:
            self._taken.clear()
            self._loop.call_soon_threadsafe(self._take_over, assignment, good)
            self._taken.wait()

    def _take_over(self, assignment: Assignment[Record], messages: list[Any]) -> None:
        try:
            self._take(assignment, messages)
        except Exception as error:
            fail_stop(error)
        self._taken.set()

    def _rewind(self, messages: list[Any]) -> None:
        """A rebalance happened inside consume(): what came with it may be of the old assignment: read it again."""
        for message in messages:
            place = self._sources[message.topic()], message.partition()
            tracker = self._ownership.assignment.trackers.get(place)
            if tracker:
                self._consumer.seek(TopicPartition(message.topic(), message.partition(), tracker.next))

    def _apply_flow(self) -> None:
        pause, resume = self._ownership.assignment.flow()
        for places, act in ((pause, self._consumer.pause), (resume, self._consumer.resume)):
            if places:
                act([TopicPartition(self._names[source], number) for source, number in places])
