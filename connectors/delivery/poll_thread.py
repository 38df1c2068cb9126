"""The thread that owns the member of the group: rebalances, commits, and what may not wait: high, and the retries.

What is less urgent has readers of its own (`reader`): in one consumer high would wait behind all that was fetched of
it.
"""

import threading
import time
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from connectors.delivery.assignment import Assignment
from connectors.delivery.calling import now_ms
from connectors.delivery.clients import consumer_config
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.hand_over import HandOver, sound
from connectors.delivery.incoming import Record
from connectors.delivery.ownership import Ownership
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.rebalance import Rebalance

PAUSED_POLL_S = 0.02  # a partition that could be resumed waits at most so long
AT_ONCE = 100  # records that are handed over at most: after each time it is asked whether the retry topics be read on


class PollThread:
    """Polls, hands over to the loop, pauses and resumes, commits what was read by whomever."""

    def __init__(self, policy: SenderPolicy, ownership: Ownership, rebalance: Rebalance, out: HandOver) -> None:
        self._policy, self._ownership, self._rebalance, self._out = policy, ownership, rebalance, out
        self._names = policy.topics
        self._sources = {name: source for source, name in enumerate(policy.topics)}
        self._stopping = threading.Event()
        self._commit_every_s = policy.commit_every.total_seconds()
        self._committed_at = 0.0
        on_commit = {"on_commit": rebalance.offsets.committed}
        self._consumer = Consumer(consumer_config(policy) | on_commit)
        self.beat_at = time.monotonic()

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
        apply_flow(self._consumer, self._ownership.assignment, self._policy.urgent_sources, self._names)
        now = time.monotonic()
        if now - self._committed_at > self._commit_every_s:
            self._committed_at = now
            self._rebalance.offsets.commit(self._consumer, self._ownership.assignment, asynchronous=True)
        message = self._consumer.poll(PAUSED_POLL_S if self._ownership.assignment.paused else self._commit_every_s)
        if message is None:
            return
        # `consume` would wait for a full batch: it only drains what has come (measured: half its timeout saved)
        assignment = self._ownership.assignment
        good = sound([message, *self._consumer.consume(min(AT_ONCE, self._policy.hand_over) - 1, 0)])
        if assignment is not self._ownership.assignment:
            self._rewind(good)
        elif good:
            self._out.hand_over(assignment, good)

    def _rewind(self, messages: list[Any]) -> None:
        """A rebalance happened inside consume(): what came with it may be of the old assignment: read it again."""
        for message in messages:
            place = self._sources[message.topic()], message.partition()
            tracker = self._ownership.assignment.trackers.get(place)
            if tracker:
                self._consumer.seek(TopicPartition(message.topic(), message.partition(), tracker.next))


def apply_flow(
    consumer: Consumer, assignment: Assignment[Record], sources: tuple[int, ...], names: tuple[str, ...]
) -> None:
    """Pause and resume what this consumer reads. `names`: the topics by source."""
    pause, resume = assignment.flow(sources, now_ms())
    for places, act in ((pause, consumer.pause), (resume, consumer.resume)):
        if places:
            act([TopicPartition(names[source], number) for source, number in places])
