"""From a batch that was picked to its provider calls: claim, look up recipients, last veto, compose, call.

While the claims or the recipients are away nothing is called: what was picked goes back to the heads of its lanes, no
attempt burnt. Calls start one by one as the gate lets them in, urgent ones first.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.delivery.assignment import Assignment
from connectors.delivery.calling import Caller, now_ms, unexpected
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.gate import Gate
from connectors.delivery.guarded import Call, Guarded
from connectors.delivery.incoming import Record
from connectors.delivery.limiter import Limiter
from connectors.delivery.meter import Meter
from connectors.delivery.outage import Outage
from connectors.delivery.outgoing import failure_of
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.providers import Providers
from connectors.delivery.settle import Settle
from connectors.unavailable import Unavailable
from streams.domain.breaker import is_failure
from streams.domain.catalogue import NotificationType, OnAmbiguous
from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.last_veto import last_veto
from streams.domain.outcomes import DeadLetter, Outcome
from streams.domain.recipient import Recipient
from streams.domain.rendering import RenderingFailed

_IN_A_ROW = 8  # calls that start without a turn for the rest of the loop: answers that came, and what is urgent


@dataclass(slots=True)
class Batch:
    """Picked at once. `called`: their call has started. `turned_away`: claimed, but not callable for some seconds."""

    records: list[Record]
    urgent: bool
    called: set[Record] = field(default_factory=set)
    turned_away: list[tuple[Record, float]] = field(default_factory=list)

    @property
    def assignment(self) -> Assignment[Record]:
        return self.records[0].assignment


class Attempts:
    """`in_flight`: deliveries between their pick and their outcome."""

    def __init__(
        self,
        policy: SenderPolicy,
        parts: SenderParts,
        settle: Settle,
        outage: Outage,
        meter: Meter,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called when a provider has become usable, or calls were found to hang."""
        self._parts, self._settle, self._outage, self._meter = parts, settle, outage, meter
        self._caller = Caller(meter, policy.call_at_most)
        self._wake = wake
        self._at_once, self._slots = policy.at_once or policy.slots, policy.slots
        self.providers = Providers(policy, parts, meter, self._look)
        self.limiter = Limiter(policy, parts.limits)
        self._gate = Gate(lambda: self._at_once + min(self.providers.hung, self._slots))
        self._calls: set[asyncio.Task[None]] = set()
        self.in_flight = 0
        self.check_awake: Callable[[], None] = lambda: None

    async def abandon(self) -> None:
        """Cancel the calls that still run: whoever takes over finds their claims and calls them ambiguous."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _look(self) -> None:
        self._gate.look()
        self._wake()

    async def carry_out(self, batch: Batch) -> None:
        """Returns when each of them was called, has ended, or has gone back to its lane."""
        assignment, waiting = batch.assignment, batch.records
        claims = self._parts.claims.claim(assignment.owner, [record.claim_key for record in waiting])
        claiming = asyncio.ensure_future(claims)  # side by side: one wait instead of two
        try:
            try:
                recipients = await self._find(waiting)
            finally:  # a claim that came after they had gone back could undo what became of them meanwhile
                verdicts = await claiming
        except Unavailable as away:
            self._put_back(waiting)
            await self._outage.wait(away)
            return
        self._outage.over()
        if assignment.alive:
            waiting = self._claimed(waiting, verdicts)
        await self._start_all(batch, waiting, recipients)
        if batch.turned_away:
            await self._turn_away(batch)

    def _claimed(self, records: Sequence[Record], verdicts: Sequence[int | bytes]) -> list[Record]:
        """Those that are ours to call."""
        ours = []
        for record, verdict in zip(records, verdicts, strict=True):
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
        return await self._parts.recipients.find(list(wanted))

    async def _start_all(self, batch: Batch, waiting: list[Record], recipients: Mapping[str, Recipient]) -> None:
        for place, record in enumerate(waiting):
            await self._gate.enter(batch.urgent)
            self.check_awake()
            if not batch.assignment.alive:
                self._gate.leave()
                await self._give_back(batch.assignment.owner, waiting[place:])
                return
            recipient = recipients.get(record.delivery.notification.recipient_id)
            if not self._start(batch, record, recipient):
                self._gate.leave()
            if place % _IN_A_ROW == _IN_A_ROW - 1:
                await asyncio.sleep(0)

    def _start(self, batch: Batch, record: Record, recipient: Recipient | None) -> bool:
        """Whether a call has started; if not, the delivery has ended or is turned away."""
        made = self._composed(record, recipient)
        if not isinstance(made, Message):
            self.in_flight -= 1
            self._settle.finished(record, made)
            return False
        chosen, wait_s = self.providers.choose(record.failed_at), 0.0
        if chosen is None or (wait_s := self.limiter.spend(chosen.name)):
            batch.turned_away.append((record, wait_s))
            return False
        call = asyncio.get_running_loop().create_task(self._call(record, made, chosen, self.providers.begin(chosen)))
        self._calls.add(call)
        call.add_done_callback(self._ended)
        batch.called.add(record)
        return True

    async def _turn_away(self, batch: Batch) -> None:
        """Claimed, but a breaker opened or tokens ran out meanwhile: back to the heads of their lanes, unclaimed."""
        marks = [(record.claim_key, RELEASED) for record, _ in batch.turned_away]
        with contextlib.suppress(Unavailable):
            await self._parts.claims.mark(batch.assignment.owner, marks)
        for record, wait_s in batch.turned_away:
            if wait_s:
                self.in_flight -= 1
                self._settle.wait_in_lane(record, wait_s)
            else:
                self._put_back([record])

    def _composed(self, record: Record, recipient: Recipient | None) -> Message | Outcome:
        """The message, or why there is none."""
        try:
            address = last_veto(record.delivery, self._kind(record), recipient, now_ms())
            if not isinstance(address, str):
                return address
            record.address = address
            return self._parts.compose(record.delivery, address, record.tried.attempt + 1)
        except RenderingFailed as failed:
            return DeadLetter(Failure(FailureKind.PERMANENT, failed.reason))
        except Exception as error:
            return unexpected(error, record)

    async def _call(self, record: Record, message: Message, chosen: Guarded, call: Call) -> None:
        outcome = await self._caller.call(chosen.provider, record, message)
        self.providers.ended(chosen, call, outcome)
        record.failed_at = chosen.name if is_failure(outcome) else None
        self.in_flight -= 1
        failure = failure_of(outcome)
        if failure is None or not failure.ambiguous or self._may_resend(record):
            self._settle.finished(record, outcome)
        elif record.assignment.alive:  # of an orphan the claim stays, and tells the new owner the same
            self._settle.hold_back(record, outcome)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._gate.leave()
        if not call.cancelled() and (error := call.exception()):
            fail_stop(error)

    def _put_back(self, records: Sequence[Record]) -> None:
        """To the heads of their lanes."""
        self.in_flight -= len(records)
        for record in records:
            if record.assignment.alive:
                record.assignment.lanes.release(record.lane, record)

    async def _give_back(self, owner: bytes, records: Sequence[Record]) -> None:
        """The partitions were given up while we claimed: nothing was called, and the new owner should know."""
        self.in_flight -= len(records)
        marks = [(record.claim_key, RELEASED) for record in records]
        with contextlib.suppress(Unavailable):
            await self._parts.claims.mark(owner, marks)

    def _kind(self, record: Record) -> NotificationType | None:
        return self._parts.catalogue.types.get(record.delivery.notification.type)
