"""A thread that reads one of the main topics that may wait: no member of the group, it reads what the group gave us."""

import contextlib
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from connectors.delivery.assignment import Assignment
from connectors.delivery.clients import reader_config
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.hand_over import HandOver, sound
from connectors.delivery.incoming import Record
from connectors.delivery.ownership import Ownership
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.poll_thread import PAUSED_POLL_S, apply_flow

_POLL_S = 0.1  # how late it learns of a new assignment, or that it should stop
_LOOK_AGAIN_S = 0.05
_UNASSIGNED_S = 0.01
_LEADERS_S = 1.0


class Reader:
    """Hands over only what is missed: a flood waits in its consumer's queue and in Kafka, not in front of the loop.

    What it hands over belongs to the assignment whose offsets its consumer was given, whatever happened meanwhile.
    """

    def __init__(self, policy: SenderPolicy, ownership: Ownership, source: int, out: HandOver) -> None:
        """`source`: the main topic it reads, and so the priority."""
        self._policy, self._ownership, self._source, self._out = policy, ownership, source, out
        self._names = policy.topics
        self._consumer = Consumer(reader_config(policy, source))
        self._assigned: Assignment[Record] = Assignment({})
        self._stopping, self._missed = threading.Event(), threading.Event()
        self._is_full = False
        self.beat_at = time.monotonic()

    def stop(self) -> None:
        """Return from run() soon."""
        self._stopping.set()
        self._missed.set()

    def look(self) -> None:
        """From the loop, when deliveries were picked: more may be wanted."""
        if self._is_full and not self._enough():
            self._is_full = False
            self._missed.set()

    def run(self) -> None:
        """Until stop(). Any exception stops the process."""
        try:
            while not self._stopping.is_set():
                self._turn()
            self._consumer.close()
        except BaseException as error:
            fail_stop(error)

    def _turn(self) -> None:
        self.beat_at = time.monotonic()
        if self._assigned is not self._ownership.assignment:
            self._follow(self._ownership.assignment)
        assignment = self._assigned
        if self._enough():
            self._wait()
            return
        if not assignment.trackers:
            self._stopping.wait(_UNASSIGNED_S)
            return
        apply_flow(self._consumer, assignment, (self._source,), self._names)
        message = self._consumer.poll(PAUSED_POLL_S if assignment.paused else _POLL_S)
        if message is not None:
            good = sound([message, *self._consumer.consume(self._policy.hand_over - 1, 0)])
            if good:
                self._out.hand_over(assignment, good)

    def _follow(self, assignment: Assignment[Record]) -> None:
        """Nothing of it was taken yet, so each partition begins where its tracker stands."""
        name = self._names[self._source]
        begins = [
            TopicPartition(name, number, tracker.next)
            for (source, number), tracker in assignment.trackers.items()
            if source == self._source
        ]
        self._consumer.unassign()
        if begins:
            with contextlib.suppress(KafkaException):  # it only makes it quick
                self._consumer.list_topics(name, timeout=_LEADERS_S)  # else it looks for leaders after a second
            self._consumer.assign(begins)
            self._consumer.resume(begins)  # a pause of ours survives a re-assignment
        self._assigned = assignment

    def _enough(self) -> bool:
        return self._assigned.alive and self._assigned.lanes.runnable_of(self._source) >= self._policy.ahead

    def _wait(self) -> None:
        """Till `look` finds more is wanted; now and then anyway: a new assignment does not tell us."""
        self._missed.clear()
        self._is_full = True
        if self._enough():  # still: from now on `look` tells
            self._missed.wait(_LOOK_AGAIN_S)
