"""The one place where an outcome becomes records: status, retry or dead letter confirmed, then the offset completes.

An end is marked before it is told: after a crash it is told again from its mark, and never another one. Only what was
sent, and may be sent again, is told first, and what is held back needs no mark: its claim stays ambiguous. A dead
letter is marked once more when it is confirmed. The lane is released after the mark, so a crash leaves at most the last
delivery of a lane ambiguous.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from connectors.delivery.calling import now_ms
from connectors.delivery.incoming import Record
from connectors.delivery.marking import Marker
from connectors.delivery.meter import Meter
from connectors.delivery.outgoing import Letters, Outgoing, Reported, address_mark_of
from connectors.delivery.parked import Waiting
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.producing import Writer
from ops.telemetry import logs
from streams.domain.claim_marks import RELEASED, Untold, dead_mark, mark_before, read_end, sent_mark
from streams.domain.delivery_status import Status
from streams.domain.next_step import Again, DeadLetterKind, Ended, Tried, next_step
from streams.domain.outcomes import Outcome, ProviderCall, Sent
from streams.domain.retry_schedule import RetrySchedule, Tier

_AT_A_TIME = 64  # statuses that are told in one turn of the loop, in half a millisecond

HELD_BACK = "an earlier call may have reached the provider, and the type says hold"


class _Decided(NamedTuple):
    """An attempt, and what follows from it; told when it is marked."""

    record: Record
    outcome: Outcome
    step: Ended | Again


class Settle:
    """Nobody else writes a status, a retry or a dead letter, or completes an offset."""

    def __init__(self, policy: SenderPolicy, letters: Letters, marker: Marker, meter: Meter) -> None:
        self._schedule: RetrySchedule = policy.schedule
        self._letters, self._marker, self._meter = letters, marker, meter
        self._taken: list[tuple[Record, Sent]] = []  # by a provider, and not told yet
        self._sent: list[tuple[Record, bytes]] = []  # told, with the marks of their ends
        self._decided: list[_Decided] = []
        self._confirmed: list[Record] = []
        self._some = asyncio.Event()
        self._settling = False
        self._after_sent = lru_cache(1_000)(_after_sent)
        self.writer: Writer
        self._wake: Callable[[], None]

    def use(self, writer: Writer, wake: Callable[[], None]) -> None:
        """Write through this one, whose confirmations come to `confirmed`; `wake` is called when a lane came free."""
        self.writer, self._wake = writer, wake

    @property
    def idle(self) -> bool:
        """Nothing is left to be settled or confirmed."""
        at_work = self._settling or self._taken or self._sent or self._decided or self._confirmed
        return not (at_work or self.writer.unconfirmed)

    def finished(self, record: Record, outcome: Outcome, held: bool = False) -> None:
        """An attempt has ended. What was sent is told before it is marked, the rest when it is marked.

        `held`: its type says hold: a crash between `sent` and its mark would have `unknown` told as well.
        """
        if isinstance(outcome, Sent) and not held:
            self._taken.append((record, outcome))
        else:
            expires_at = record.delivery.notification.expires_at
            step = next_step(outcome, record.tried, self._schedule, random.random(), now_ms(), expires_at)
            self._decided.append(_Decided(record, outcome, step))
        self._some.set()

    def confirmed(self, record: Record) -> None:
        """All that this record caused is in Kafka."""
        if record.end_mark is None:
            record.assignment.complete(record)
        else:
            self._confirmed.append(record)
            self._some.set()

    async def run(self) -> None:
        """While one batch of marks is under way the next one gathers: batches grow with load, not with a timer.

        To tell many in a row also takes a quarter less than to tell each when its call has ended (measured): so much
        code in turns with as much other code does not stay in the processor's caches.
        """
        while True:
            await self._some.wait()
            await asyncio.sleep(0)  # what else ends in this turn of the loop comes along: a batch costs a round trip
            self._some.clear()
            for turn in range(-(-len(self._taken) // _AT_A_TIME)):  # what comes meanwhile is left to the next batch
                if turn:
                    await asyncio.sleep(0)
                self.tell_sent(_AT_A_TIME)
            sent, self._sent = self._sent, []
            decided, self._decided = self._decided, []
            confirmed, self._confirmed = self._confirmed, []
            self._settling = True
            await self._settle(sent, decided, confirmed)
            self._settling = False

    def tell_sent(self, at_most: int | None = None) -> None:
        """Of what was sent and may be sent again; None: all. Also while marks hang: they are not waited for."""
        count = at_most or len(self._taken)
        taken, self._taken = self._taken[:count], self._taken[count:]
        letters, now = [], now_ms()
        for record, outcome in taken:
            told, mark = self._after_sent(outcome.delivered, record.tried.attempt)
            self._sent.append((record, mark))
            letters.append(self._status(record, told, now, outcome))
            record.forget()
        for (record, _), letter in zip(taken, letters, strict=True):
            self.writer.write(record, letter)
            self.writer.close(record)

    async def _settle(
        self, sent: Sequence[tuple[Record, bytes]], decided: Sequence[_Decided], confirmed: Sequence[Record]
    ) -> None:
        logs.flush()  # of what is marked as sent, the next one tells no call: the log must
        marks = [*sent, *((each.record, _mark_before_told(each)) for each in decided)]
        marks += [(record, record.end_mark) for record in confirmed if record.end_mark is not None]
        await self._marker.mark(marks)
        for record in confirmed:
            record.assignment.complete(record)
        for record, _ in sent:
            if record.assignment.alive:
                self._leave_lane(record)
        for record, outcome, step in decided:
            if not (record.assignment.alive or isinstance(outcome, Sent)):
                continue  # what ended after its partition was given up is left to the new owner
            if isinstance(step, Ended):
                self._end(record, _untold(record, step, outcome), outcome)
            else:
                self._retry(record, step, outcome)
        self._wake()

    def _end(self, record: Record, untold: Untold, outcome: Outcome | None) -> None:
        step, mark = untold.end, None
        if step.dead_letter is not None:
            mark = dead_mark(step.attempt)
            self._bury(record, step.dead_letter, step.reason or "", untold.provider, step.attempt)
        told = Reported(step.status, step.attempt, step.reason, step.layer, address_mark=untold.address_mark)
        self._tell(record, told, outcome)
        self.writer.close(record, mark)
        if isinstance(outcome, Sent):
            record.forget()
        if record.assignment.alive:
            self._leave_lane(record)

    def _retry(self, record: Record, step: Again, outcome: Outcome) -> None:
        record.tried = step.tried
        reason = outcome.failure.reason if outcome.failure else None
        mark = address_mark_of(record, outcome.failure)
        told = Reported(Status.RETRYING, step.tried.attempt, reason, due_at=step.due_at, address_mark=mark)
        self._tell(record, told, outcome)
        if isinstance(step.where, Tier):
            self._park(record, Waiting(step.where.index, step.due_at), outcome)
        else:
            self.wait_in_lane(record, step.where.delay.total_seconds())

    def wait_in_lane(self, record: Record, seconds: float) -> None:
        """It goes on at the head of its lane after so long; the lane waits with it, nobody else does."""
        asyncio.get_running_loop().call_later(seconds, self._again, record)

    def wait_for_limit(self, record: Record, seconds: float) -> None:
        """It may not be called yet. Briefly in its lane; longer in a retry topic, untried and without a status.

        In the lane it would hold back the commit, and what queues up behind it would fill the partition's bounds.
        """
        if seconds <= self._schedule.in_lane.total_seconds():
            self.wait_in_lane(record, seconds)
        else:
            tier = self._schedule.tier_for(timedelta(seconds=seconds))
            self._park(record, Waiting(tier, now_ms() + round(seconds * 1000)), None)

    def _again(self, record: Record) -> None:
        if record.assignment.alive:
            record.assignment.lanes.release(record.lane, record)
            self._wake()

    def park_behind(self, record: Record, waiting: Waiting) -> None:
        """Untried to where the next older delivery of its lane waits, due when that one is."""
        self._park(record, waiting, None)

    def _park(self, record: Record, waiting: Waiting, outcome: Outcome | None) -> None:
        """The lane runs on before the write is confirmed: one producer keeps the order, and a failure stops us."""
        written = record.assignment.park(record, waiting)
        self.writer.write(record, self._letters.retry(record, waiting, outcome), written)
        self.writer.close(record)
        record.assignment.lanes.release(record.lane)

    def drop_copy(self, record: Record) -> None:
        """Another copy of this delivery is the one that counts."""
        record.assignment.lanes.release(record.lane)
        record.assignment.complete(record)

    def repeat(self, record: Record, end: bytes) -> None:
        """It had ended before. What may not have been told is told again."""
        self._meter.duplicates.inc()
        found = read_end(end)
        if found is None:
            self.writer.close(record)
            self._leave_lane(record)
        else:
            self._end(record, found, None)

    def hold_back(self, record: Record, outcome: Outcome | None = None) -> None:
        """An ambiguous delivery whose type says hold: a person or a receipt settles it. Its claim stays ours.

        `outcome`: of the call just made, if that is what is ambiguous.
        """
        attempt = record.tried.attempt + (outcome is not None)
        held = Ended(Status.UNKNOWN, attempt, HELD_BACK, dead_letter=DeadLetterKind.AMBIGUOUS)
        self._end(record, _untold(record, held, outcome), outcome)

    def poison(self, record: Record, reason: str, in_lane: bool) -> None:
        """It cannot be read: to the dead letters with its raw bytes, and its partition moves on."""
        self._bury(record, DeadLetterKind.POISON, reason, None, record.tried.attempt)
        if record.is_decoded:
            self._tell(record, Reported(Status.DEAD_LETTERED, record.tried.attempt, reason), None)
        self.writer.close(record)
        if in_lane:
            self._leave_lane(record)

    def _leave_lane(self, record: Record) -> None:
        record.assignment.parked.end(record.lane, record.origin)
        record.assignment.lanes.release(record.lane)

    def _bury(self, record: Record, kind: DeadLetterKind, reason: str, provider: str | None, attempt: int) -> None:
        self._meter.dead_letter(kind).inc()
        self.writer.write(record, self._letters.dead_letter(record, kind, reason, provider, attempt))

    def _tell(self, record: Record, told: Reported, outcome: Outcome | None) -> None:
        self.writer.write(record, self._status(record, told, now_ms(), outcome))

    def _status(self, record: Record, told: Reported, now: int, outcome: Outcome | None) -> Outgoing:
        self._meter.status(record.lane[1], told.status)
        return self._letters.status(record, told, now, outcome)


def _mark_before_told(decided: _Decided) -> bytes:
    record, outcome, step = decided
    return mark_before(_untold(record, step, outcome)) if isinstance(step, Ended) else RELEASED


def _untold(record: Record, end: Ended, outcome: Outcome | None) -> Untold:
    if outcome is None or outcome.call is None:
        return Untold(end)
    return Untold(end, outcome.call.provider, address_mark_of(record, outcome.failure))


def _after_sent(delivered: bool, attempt: int) -> tuple[Reported, bytes]:
    """What is told of a call that went well, and its mark: the same for nearly all deliveries."""
    call = ProviderCall("", 0, 0.0)  # the rule does not look at it, nor at the schedule
    step = next_step(Sent(call, delivered), Tried(attempt), RetrySchedule(timedelta(0), ()), 0.0, 0)
    assert isinstance(step, Ended)
    return Reported(step.status, step.attempt), sent_mark(step.status, step.attempt)
