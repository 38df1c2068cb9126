"""From a batch that was picked to its provider calls: claim, look up recipients, last veto, compose, call.

While the claims or the recipients are away nothing is called: what was picked goes back to the heads of its lanes, no
attempt burnt. Calls start one by one as the gate lets them in, urgent ones first.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from connectors.delivery.assignment import Assignment
from connectors.delivery.calling import Caller, now_ms, unexpected
from connectors.delivery.gate import Gate
from connectors.delivery.incoming import Record
from connectors.delivery.limiter import Limiter
from connectors.delivery.meter import Meter
from connectors.delivery.outage import Outage
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.providers import Providers
from connectors.delivery.seating import Seating
from connectors.delivery.settle import Settle
from connectors.unavailable import SomeUnavailable, Unavailable
from streams.domain.breaker import is_failure
from streams.domain.catalogue import OnAmbiguous
from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED, UNSURE
from streams.domain.delivery import Message
from streams.domain.failures import Failure, FailureKind
from streams.domain.last_veto import last_veto
from streams.domain.outcomes import DeadLetter, Outcome, Sent
from streams.domain.recipient import Recipient
from streams.domain.rendering import RenderingFailed

_SOON_S, _LATER_S = 1.0, 15.0  # until a server that is away is asked again for what it alone knows


@dataclass(slots=True)
class Batch:
    """Picked at once. `called`: their call has started. `turned_away`: claimed, but not callable for some seconds.

    `given_up`: claimed, but their partitions are not ours any more. `in_line`: nobody has come to them yet.
    `later`: what decides on them is with a server that is away: Redis knows whether an earlier owner called, PostgreSQL
    the recipient.
    """

    records: list[Record]
    urgent: bool
    called: set[Record] = field(default_factory=set)
    turned_away: list[tuple[Record, float]] = field(default_factory=list)
    given_up: list[Record] = field(default_factory=list)
    later: list[Record] = field(default_factory=list)
    in_line: int = 0
    all_met: asyncio.Future[None] = field(init=False)

    @property
    def assignment(self) -> Assignment[Record]:
        return self.records[0].assignment


_recipient_of: Callable[[Record], str] = attrgetter("delivery.notification.recipient_id")
_Try = tuple[Batch, Record, Recipient | None]  # a delivery that is ours to call


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
        self._types, self._compose = parts.catalogue.types, parts.compose
        kinds = self._types.items()
        self._resent = frozenset(name for name, kind in kinds if kind.on_ambiguous is OnAmbiguous.RESEND)
        self._wake = wake
        self._slots = policy.slots
        self.providers = Providers(policy, parts, meter, self._look)
        self._caller = Caller(self.providers, meter, policy.call_at_most, self._called)
        self.limiter = Limiter(policy, parts.limits)
        self.seating = Seating(policy, settle, meter, wake)
        self._gate = Gate(policy.at_once or policy.slots, self._hung, self._attempt)
        self._abandoned = False
        self.in_flight = 0
        self.check_awake: Callable[[], None] = lambda: None

    async def abandon(self) -> None:
        """Cancel the calls that still run: whoever takes over finds their claims and calls them ambiguous."""
        self._abandoned = True
        await self._gate.abandon()

    def left(self, record: Record) -> None:
        """It is not in flight any more."""
        self.in_flight -= 1
        if record.alone:
            self.seating.left(record)

    def _hung(self) -> int:
        return min(self.providers.hung, self._slots)

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
                recipients, out_of_reach = await self._find(waiting)
            finally:  # a claim that came after they had gone back could undo what became of them meanwhile
                verdicts = await claiming
        except Unavailable as away:
            self._put_back(waiting)
            await self._outage.wait(away)
            return
        self._outage.over()
        if assignment.alive:
            waiting = self._claimed(batch, verdicts)
        if out_of_reach:
            batch.later += [record for record in waiting if _recipient_of(record) in out_of_reach]
            waiting = [record for record in waiting if _recipient_of(record) not in out_of_reach]
        if batch.later:
            await self._try_later(batch)
        if waiting:
            await self._until_all_met(batch, waiting, recipients)
        if batch.given_up:
            await self._give_back(batch.assignment.owner, batch.given_up)
        if batch.turned_away:
            await self._turn_away(batch)

    def _claimed(self, batch: Batch, verdicts: Sequence[int | bytes]) -> list[Record]:
        """Those that are ours to call."""
        ours = []
        for record, verdict in zip(batch.records, verdicts, strict=True):
            if verdict == NEW or (verdict == AMBIGUOUS and self._may_resend(record)):
                ours.append(record)
                continue
            if verdict == UNSURE:
                (ours if self._says_resend(record) else batch.later).append(record)
                continue
            self.left(record)
            if isinstance(verdict, bytes):
                self._settle.repeat(record, verdict)
            else:
                self._settle.hold_back(record)
        return ours

    def _may_resend(self, record: Record) -> bool:
        self._meter.ambiguous.inc()
        return self._says_resend(record)

    def _says_resend(self, record: Record) -> bool:
        """A type that is gone cannot say it."""
        return record.delivery.notification.type in self._resent

    async def _try_later(self, batch: Batch) -> None:
        """Back they go, unclaimed and untried: soon again, then by way of a retry topic, or they would hold back the
        commit, and what queues up behind them would fill the partition's bounds."""
        marks = [(record.claim_key, RELEASED) for record in batch.later]
        with contextlib.suppress(Unavailable):
            await self._parts.claims.mark(batch.assignment.owner, marks)
        for record in batch.later:
            self.left(record)
            if record.assignment.alive:
                self._settle.wait_for_limit(record, _LATER_S if record.has_waited else _SOON_S)
                record.has_waited = True

    async def _find(self, records: list[Record]) -> tuple[Mapping[str, Recipient], set[str]]:
        """The recipients that are known, and those that cannot be looked up while others can."""
        wanted = set(map(_recipient_of, records))
        try:
            return await self._parts.recipients.find(list(wanted)), set()
        except SomeUnavailable as some:
            return some.found, wanted - some.found.keys()

    async def _until_all_met(self, batch: Batch, ours: list[Record], recipients: Mapping[str, Recipient]) -> None:
        """Till each of them was called or has ended, or cannot be called now."""
        batch.in_line, batch.all_met = len(ours), asyncio.get_running_loop().create_future()
        tries = [(batch, each, recipients.get(_recipient_of(each))) for each in ours]
        self._gate.put(tries, batch.urgent)
        await batch.all_met

    def _attempt(self, one: _Try) -> Awaitable[None] | None:
        """It is let in: the last veto, the words; the call, if it comes to one."""
        batch, record, recipient = one
        if batch.all_met.done():  # nobody carries this batch out any more
            return None
        batch.in_line -= 1
        if not batch.in_line:
            batch.all_met.set_result(None)
        self.check_awake()
        if self._abandoned or not record.assignment.alive:
            batch.given_up.append(record)
            return None
        made = self._composed(record, recipient)
        if not isinstance(made, Message):
            self.left(record)
            self._settle.finished(record, made)
            return None
        chosen, wait_s = self.providers.choose(record.failed_at), 0.0
        if chosen is None or (wait_s := self.limiter.spend(chosen.name)):
            batch.turned_away.append((record, wait_s))
            return None
        batch.called.add(record)
        return self._caller.call(chosen, record, made)

    async def _turn_away(self, batch: Batch) -> None:
        """Claimed, but a breaker opened or tokens ran out meanwhile: back to the heads of their lanes, unclaimed."""
        marks = [(record.claim_key, RELEASED) for record, _ in batch.turned_away]
        with contextlib.suppress(Unavailable):
            await self._parts.claims.mark(batch.assignment.owner, marks)
        for record, wait_s in batch.turned_away:
            if wait_s:
                self.left(record)
                self._settle.wait_in_lane(record, wait_s)
            else:
                self._put_back([record])

    def _composed(self, record: Record, recipient: Recipient | None) -> Message | Outcome:
        """The message, or why there is none."""
        delivery = record.delivery
        try:
            address = last_veto(delivery, self._types.get(delivery.notification.type), recipient, now_ms())
            if not isinstance(address, str):
                return address
            record.address = address
            return self._compose(delivery, address, record.tried.attempt + 1)
        except RenderingFailed as failed:
            return DeadLetter(Failure(FailureKind.PERMANENT, failed.reason))
        except Exception as error:
            return unexpected(error, record)

    def _called(self, provider: str, record: Record, outcome: Outcome) -> None:
        self.in_flight -= 1  # as `left`, which would be a call more for each delivery
        if record.alone:
            self.seating.left(record)
        if isinstance(outcome, Sent):
            self._settle.finished(record, outcome, held=record.delivery.notification.type not in self._resent)
            return
        record.failed_at = provider if is_failure(outcome) else None
        failure = outcome.failure
        if failure is None or not failure.ambiguous or self._may_resend(record):
            self._settle.finished(record, outcome)
        elif record.assignment.alive:  # of an orphan the claim stays, and tells the new owner the same
            self._settle.hold_back(record, outcome)

    def _put_back(self, records: Sequence[Record]) -> None:
        """To the heads of their lanes."""
        for record in records:
            self.left(record)
            if record.assignment.alive:
                record.assignment.lanes.release(record.lane, record)

    async def _give_back(self, owner: bytes, records: Sequence[Record]) -> None:
        """The partitions were given up while we claimed: nothing was called, and the new owner should know."""
        for record in records:
            self.left(record)
        marks = [(record.claim_key, RELEASED) for record in records]
        with contextlib.suppress(Unavailable):
            await self._parts.claims.mark(owner, marks)
