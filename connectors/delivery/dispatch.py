"""From a runnable lane to the provider call: take, limit, claim, look up recipients, last veto, compose, call.

A batch is the unit of lease, claim and look-up. While the claims or the recipients are away nothing is sent, and while
no provider takes calls nothing is taken: what was taken already goes back to the heads of its lanes, no attempt burnt.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from connectors.delivery.calling import Caller, now_ms, unexpected
from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.guarded import Call, Guarded
from connectors.delivery.incoming import Record
from connectors.delivery.limiter import Limiter
from connectors.delivery.meter import Meter
from connectors.delivery.outage import Outage
from connectors.delivery.outgoing import failure_of
from connectors.delivery.ownership import Ownership
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.providers import Providers
from connectors.delivery.settle import Settle
from connectors.unavailable import Unavailable
from schemas.codec import PoisonRecord
from streams.domain.breaker import is_failure
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
        self._caller = Caller(meter, policy.call_at_most)
        self.providers = Providers(policy, parts, meter, self.wake)
        self._limiter = Limiter(policy, parts.limits)
        self._due: asyncio.TimerHandle | None = None
        self._runnable = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._turned_away: list[tuple[Record, float]] = []
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
            while batch := self._take(await self._room()):
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

    async def _room(self) -> int:
        """How many deliveries may be taken now: free slots, providers that take calls, tokens of the first of them."""
        slots = self._policy.slots
        hung = min(self.providers.hung, slots)
        room = self.providers.room(min(slots + hung - self.in_flight, self._policy.batch))
        if room > 0 and self._limiter.of_providers and (runnable := self._ownership.assignment.lanes.runnable):
            room, wait_s = await self._limiter.fill(self.providers.usable, min(room, runnable))
            if not room and self._due is None:
                self._meter.limited("provider").inc()
                self._due = asyncio.get_running_loop().call_later(wait_s, self._tokens_are_due)
        return room

    def _tokens_are_due(self) -> None:
        self._due = None
        self.wake()

    def _take(self, free: int) -> list[Record]:
        batch: list[Record] = []
        assignment = self._ownership.assignment
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

    async def _within_limits(self, batch: list[Record]) -> list[Record]:
        """Those whose tenants and recipients may be told now; the others wait, untried, and their lanes with them."""
        admitted = []
        more = min(self._policy.batch, self._ownership.assignment.lanes.runnable)
        for record, held in zip(batch, await self._limiter.admit(batch, self.providers.usable, more), strict=True):
            if held is None:
                admitted.append(record)
                continue
            record.has_waited = True
            self.in_flight -= 1
            self._meter.limited(held.by).inc()
            if record.assignment.alive:
                self._settle.wait_for_limit(record, held.seconds)
        return admitted

    async def _carry_out(self, batch: list[Record]) -> None:
        if not self._limiter.of_people:
            await self._claim_and_call(batch)
        elif admitted := await self._within_limits(batch):
            called = await self._claim_and_call(admitted)
            if unspent := [record for record in admitted if record not in called]:
                await self._limiter.give_back(unspent)

    async def _claim_and_call(self, batch: list[Record]) -> set[Record]:
        """Returns those whose call has started."""
        assignment, waiting = batch[0].assignment, batch
        try:
            verdicts = await self._parts.claims.claim(assignment.owner, [record.claim_key for record in batch])
            if assignment.alive:
                waiting = self._claimed(batch, verdicts)
            recipients = await self._find(waiting)
        except Unavailable as away:
            self._put_back(waiting)
            await self._outage.wait(away)
            return set()
        self._outage.over()
        self.check_awake()
        if not assignment.alive:
            await self._give_back(assignment.owner, waiting)
            return set()
        called = {record for record in waiting if self._start(record, _recipient_of(record, recipients))}
        if self._turned_away:
            await self._turn_away(assignment.owner)
        return called

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

    def _start(self, record: Record, recipient: Recipient | None) -> bool:
        """Whether a call has started; if not, the delivery has ended or is turned away."""
        made = self._composed(record, recipient)
        if not isinstance(made, Message):
            self.in_flight -= 1
            self._settle.finished(record, made)
            return False
        chosen, wait_s = self.providers.choose(record.failed_at), 0.0
        if chosen is None or (wait_s := self._limiter.spend(chosen.name)):
            self._turned_away.append((record, wait_s))
            return False
        call = asyncio.get_running_loop().create_task(self._call(record, made, chosen, self.providers.begin(chosen)))
        self._calls.add(call)
        call.add_done_callback(self._ended)
        return True

    async def _turn_away(self, owner: bytes) -> None:
        """Claimed, but a breaker opened or tokens ran out meanwhile: back to the heads of their lanes, unclaimed."""
        turned_away, self._turned_away = self._turned_away, []
        with contextlib.suppress(Unavailable):
            await self._parts.claims.mark(owner, [(record.claim_key, RELEASED) for record, _ in turned_away])
        for record, wait_s in turned_away:
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


def _recipient_of(record: Record, recipients: Mapping[str, Recipient]) -> Recipient | None:
    return recipients.get(record.delivery.notification.recipient_id)
