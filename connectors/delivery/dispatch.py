"""From a runnable lane to the provider call: take, claim, look up recipients, last veto, compose, call.

A batch is the unit of claim and look-up. While the claims or the recipients are away nothing is sent: what was taken
goes back to the heads of its lanes.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from connectors.delivery.calling import Caller, now_ms, unexpected
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.incoming import Record
from connectors.delivery.meter import Meter
from connectors.delivery.outage import Outage
from connectors.delivery.outgoing import failure_of
from connectors.delivery.ownership import Ownership
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.settle import Settle
from connectors.unavailable import Unavailable
from schemas.codec import PoisonRecord
from streams.domain.catalogue import NotificationType, OnAmbiguous
from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.last_veto import last_veto
from streams.domain.outcomes import DeadLetter, Outcome
from streams.domain.recipient import Recipient
from streams.domain.rendering import RenderingFailed


class Dispatch:
    """Keeps at most `policy.slots` deliveries between claim and outcome."""

    def __init__(
        self,
        policy: SenderPolicy,
        parts: SenderParts,
        ownership: Ownership,
        settle: Settle,
        outage: Outage,
        meter: Meter,
    ) -> None:
        self._policy, self._parts, self._ownership = policy, parts, ownership
        self._settle, self._outage, self._meter = settle, outage, meter
        self._caller = Caller(parts.provider, meter, policy.call_at_most)
        self._runnable = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._registry_away: Unavailable | None = None
        self._unreadable = Outage("deliveries of an unknown schema wait until it is back")
        self.in_flight = 0
        self.check_awake: Callable[[], None] = lambda: None

    def wake(self) -> None:
        """A lane may have become runnable, or a slot free."""
        self._runnable.set()

    async def run(self) -> None:
        while True:
            await self._runnable.wait()
            self._runnable.clear()
            while batch := self._take():
                await self._carry_out(batch)
            if self._registry_away is None:
                self._unreadable.over()
            else:
                await self._wait_for_registry(self._registry_away)

    async def abandon(self) -> None:
        """Cancel the calls that still run: whoever takes over finds their claims and calls them ambiguous."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _take(self) -> list[Record]:
        batch: list[Record] = []
        assignment = self._ownership.assignment
        free = min(self._policy.slots - self.in_flight, self._policy.batch)
        if self._ownership.draining or not assignment.alive:
            return batch
        while len(batch) < free and not self._registry_away and (record := assignment.lanes.pick()) is not None:
            if assignment.is_copy(record):
                self._settle.drop_copy(record)
            elif waiting := assignment.behind(record):
                self._settle.park_behind(record, waiting)
            elif self._decodes(record):
                batch.append(record)
        self.in_flight += len(batch)
        return batch

    def _decodes(self, record: Record) -> bool:
        if record.is_decoded:
            return True
        try:
            record.decode(self._parts.codec, self._policy.channel)
        except PoisonRecord as error:
            self._settle.poison(record, str(error), in_lane=True)
            return False
        except Unavailable as away:  # only a schema registry can say what it is: neither poison nor ours to skip
            record.assignment.lanes.release(record.lane, record)
            self._registry_away = away
            return False
        return True

    async def _wait_for_registry(self, away: Unavailable) -> None:
        await self._unreadable.wait(away)
        self._registry_away = None
        self.wake()

    async def _carry_out(self, batch: list[Record]) -> None:
        assignment, waiting = batch[0].assignment, batch
        try:
            verdicts = await self._parts.claims.claim(assignment.owner, [record.claim_key for record in batch])
            if assignment.alive:
                waiting = self._claimed(batch, verdicts)
            recipients = await self._find(waiting)
        except Unavailable as away:
            self._put_back(waiting)
            await self._outage.wait(away)
            return
        self._outage.over()
        self.check_awake()
        if assignment.alive:
            for record in waiting:
                self._start(record, recipients.get(record.delivery.notification.recipient_id))
        else:
            await self._give_back(assignment.owner, waiting)

    def _claimed(self, batch: list[Record], verdicts: Sequence[int | bytes]) -> list[Record]:
        """Those that are ours to call."""
        ours = []
        for record, verdict in zip(batch, verdicts, strict=True):
            if verdict == NEW or (verdict == AMBIGUOUS and self._may_resend(record)):
                ours.append(record)
                continue
            self.in_flight -= 1
            if isinstance(verdict, bytes):
                self._settle.repeat(record, verdict)
            else:
                self._settle.hold_back(record)
        return ours

    def _may_resend(self, record: Record) -> bool:
        """A type that is gone cannot say resend."""
        self._meter.ambiguous.inc()
        kind = self._kind(record)
        return kind is not None and kind.on_ambiguous is OnAmbiguous.RESEND

    async def _find(self, records: list[Record]) -> Mapping[str, Recipient]:
        wanted = {record.delivery.notification.recipient_id for record in records}
        return await self._parts.recipients.find(list(wanted)) if wanted else {}

    def _start(self, record: Record, recipient: Recipient | None) -> None:
        made = self._composed(record, recipient)
        if isinstance(made, Message):
            call = asyncio.get_running_loop().create_task(self._call(record, made))
            self._calls.add(call)
            call.add_done_callback(self._ended)
        else:
            self.in_flight -= 1
            self._settle.finished(record, made)

    def _composed(self, record: Record, recipient: Recipient | None) -> Message | Outcome:
        """The message, or why there is none."""
        try:
            address = last_veto(record.delivery, self._kind(record), recipient, now_ms())
            if not isinstance(address, str):
                return address
            return self._parts.compose(record.delivery, address, record.tried.attempt + 1)
        except RenderingFailed as failed:
            return DeadLetter(Failure(FailureKind.PERMANENT, failed.reason))
        except Exception as error:
            return unexpected(error, record)

    async def _call(self, record: Record, message: Message) -> None:
        outcome = await self._caller.call(record, message)
        self.in_flight -= 1
        failure = failure_of(outcome)
        if failure is None or not failure.ambiguous or self._may_resend(record):
            self._settle.finished(record, outcome)
        elif record.assignment.alive:  # of an orphan the claim stays, and tells the new owner the same
            self._settle.hold_back(record, outcome)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        if not call.cancelled() and (error := call.exception()):
            fail_stop(error)

    def _put_back(self, records: list[Record]) -> None:
        """To the heads of their lanes."""
        self.in_flight -= len(records)
        for record in records:
            if record.assignment.alive:
                record.assignment.lanes.release(record.lane, record)

    async def _give_back(self, owner: bytes, records: list[Record]) -> None:
        """The partitions were given up while we claimed: nothing was called, and the new owner should know."""
        self.in_flight -= len(records)
        marks = [(record.claim_key, RELEASED) for record in records]
        with contextlib.suppress(Unavailable):
            await self._parts.claims.mark(owner, marks)

    def _kind(self, record: Record) -> NotificationType | None:
        return self._parts.catalogue.types.get(record.delivery.notification.type)
