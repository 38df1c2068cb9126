"""Keeps what is under way to one recipient within its seats (`seats`): for deliveries that keep no order.

Ordered ones need none: their lane is their recipient's.
"""

import asyncio
import time
from collections.abc import Callable

from connectors.delivery.assignment import Assignment
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.incoming import Record
from connectors.delivery.meter import Meter
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.settle import Settle

_AT_A_TIME = 64  # that are sent away in one turn of the loop: thousands would be a pause for all that is urgent
_MORE_S = 0.001  # what waits longer than the schedule's first delay waits in a retry topic


class Seating:
    """Who finds no seat waits in memory, as long as the schedule's first delay; longer in a retry topic, untried.

    In memory it would hold back the commit, and what queues up behind it would fill the partition's bounds.
    """

    def __init__(self, policy: SenderPolicy, settle: Settle, meter: Meter, wake: Callable[[], None]) -> None:
        """`wake` is called when one of those that wait can be picked."""
        self._most, self._patience_s = policy.recipient_at_once, policy.schedule.in_lane.total_seconds()
        self._settle, self._meter, self._wake = settle, meter, wake
        self._watched: Assignment[Record] | None = None

    def holds(self, record: Record) -> bool:
        """Whether this one, of an unordered type, has to wait. If not it has a seat: tell `left` at its outcome."""
        assignment, who = record.assignment, record.delivery.notification.recipient_id
        if assignment.seats.take(who, record.lane, self._most):
            return False
        if assignment.alive:
            self._meter.limited("at_once").inc()
            now = time.monotonic()
            if assignment.seats.keep(who, record, now):
                self._watch(assignment, self._patience_s / 2)
            else:
                self._send_away(who, record, now)
        return True

    def left(self, record: Record) -> None:
        """It is not under way any more, whatever became of it."""
        if record.assignment.seats.leave(record.delivery.notification.recipient_id):
            self._wake()

    def forgo(self, record: Record) -> None:
        """It was picked and has ended, or waits elsewhere, without having been under way."""
        if record.is_decoded and record.assignment.seats.forgo(
            record.delivery.notification.recipient_id, record.lane
        ):  # fmt: skip
            self._wake()

    def _watch(self, assignment: Assignment[Record], soon_s: float) -> None:
        if self._watched is not assignment:
            self._watched = assignment
            asyncio.get_running_loop().call_later(soon_s, self._look, assignment)

    def _look(self, assignment: Assignment[Record]) -> None:
        """Nobody is kept for long. What is kept when its partitions are given up is left to the new owner."""
        if self._watched is assignment:
            self._watched = None
        if not assignment.alive:
            return
        now = time.monotonic()
        try:
            overdue = assignment.seats.overdue(now - self._patience_s, _AT_A_TIME)
            for who, record in overdue:
                self._send_away(who, record, now)
        except Exception as error:  # they are in no line any more: nobody would come to them again
            fail_stop(error)
        if assignment.seats.kept:
            self._watch(assignment, 0.0 if len(overdue) == _AT_A_TIME else self._patience_s / 2)

    def _send_away(self, who: str, record: Record, now: float) -> None:
        wait_s = record.assignment.seats.turn(who, record.lane[1], now, self._patience_s + _MORE_S)
        self._settle.wait_for_limit(record, wait_s)
