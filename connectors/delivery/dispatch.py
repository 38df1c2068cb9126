"""Which deliveries are taken up now: room, pick, decode, limits; then they are carried out (`attempts`).

A batch is the unit of lease, claim and look-up. While no provider takes calls nothing is taken.
"""

import asyncio
from collections.abc import Callable

from connectors.delivery.assignment import TIER_0
from connectors.delivery.attempts import Attempts, Batch
from connectors.delivery.incoming import Record
from connectors.delivery.meter import Meter
from connectors.delivery.outage import Outage
from connectors.delivery.ownership import Ownership
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import SenderPolicy
from connectors.delivery.settle import Settle
from connectors.unavailable import Unavailable
from schemas.codec import PoisonRecord
from schemas.delivery_reader import DeliveryReader

_URGENT = 0  # the priority that is high
_URGENT_FLOWS = 3  # what comes while one waits for its claims does not wait for them too
_EXTRA = 4  # of so many slots, one more for what is urgent
_AT_A_TIME = 32  # deliveries that are decoded in one turn of the loop: a whole batch would be 3 ms without any other


class Dispatch:
    """Keeps at most `policy.slots` deliveries between pick and outcome, and a quarter more that are urgent.

    There are flows side by side. One picks from all priorities by their weights, in batches that grow with load; the
    others only what is urgent, out of its share, so that this does not wait until a batch of others has started.
    """

    def __init__(
        self,
        policy: SenderPolicy,
        parts: SenderParts,
        ownership: Ownership,
        settle: Settle,
        outage: Outage,
        meter: Meter,
    ) -> None:
        self._policy, self._ownership, self._settle, self._meter = policy, ownership, settle, meter
        self._reader = DeliveryReader(parts.codec)
        self.attempts = Attempts(policy, parts, settle, outage, meter, self.wake)
        self.providers, self._limiter = self.attempts.providers, self.attempts.limiter
        self._due: asyncio.TimerHandle | None = None
        self._runnable, self._urgent = asyncio.Event(), asyncio.Event()
        self._picking = asyncio.Lock()
        self._registry_away: Unavailable | None = None
        self._unreadable = Outage("deliveries of an unknown schema wait until it is back")
        self.picked: Callable[[], None] = lambda: None
        """Called whenever deliveries were picked."""

    @property
    def in_flight(self) -> int:
        """Deliveries between their pick and their outcome."""
        return self.attempts.in_flight

    def wake(self) -> None:
        """A lane may have become runnable, or a slot free."""
        self._runnable.set()
        if self._ownership.assignment.lanes.runnable_of(_URGENT):
            self._urgent.set()

    async def run(self) -> None:
        """All flows, for ever."""
        await asyncio.gather(self._carry_out_all(), *(self._carry_out_urgent() for _ in range(_URGENT_FLOWS)))

    async def abandon(self) -> None:
        """Cancel the calls that still run: whoever takes over finds their claims and calls them ambiguous."""
        await self.attempts.abandon()

    async def _carry_out_all(self) -> None:
        while True:
            await self._runnable.wait()
            self._runnable.clear()
            while batch := await self._next(urgent=False):
                await self._carry_out(batch)
            if self._registry_away is None:
                self._unreadable.over()
            else:
                await self._wait_for_registry(self._registry_away)

    async def _carry_out_urgent(self) -> None:
        while True:
            await self._urgent.wait()
            self._urgent.clear()
            while batch := await self._next(urgent=True):
                await self._carry_out(batch)

    async def _next(self, urgent: bool) -> Batch | None:
        """None: nothing can be taken up now."""
        if urgent and not self._ownership.assignment.lanes.runnable_of(_URGENT):
            return None
        async with self._picking:  # what one flow finds free the other must not take
            records = self._pick(await self._room(urgent), urgent)
        self.picked()
        records = await self._decoded(records)
        return Batch(records, urgent) if records else None

    async def _room(self, urgent: bool) -> int:
        """How many deliveries may be taken now: free slots, providers that take calls, tokens of the first of them."""
        slots = self._policy.slots
        hung = min(self.providers.hung, slots)
        extra = slots // _EXTRA if urgent else 0
        room = self.providers.room(min(slots + extra + hung - self.in_flight, self._policy.batch))
        if room > 0 and self._limiter.of_providers and (runnable := self._ownership.assignment.lanes.runnable):
            room, wait_s = await self._limiter.fill(self.providers.usable, min(room, runnable))
            if not room and self._due is None:
                self._meter.limited("provider").inc()
                self._due = asyncio.get_running_loop().call_later(wait_s, self._tokens_are_due)
        return room

    def _tokens_are_due(self) -> None:
        self._due = None
        self.wake()

    def _pick(self, free: int, urgent: bool) -> list[Record]:
        batch: list[Record] = []
        assignment = self._ownership.assignment
        if self._ownership.draining or not assignment.alive:
            return batch
        lanes, parked = assignment.lanes, assignment.parked
        while len(batch) < free and not self._registry_away:
            record = lanes.pick_of(_URGENT) if urgent else lanes.pick()
            if record is None:
                break
            if record.source < TIER_0 and record.lane not in parked:  # nothing it could be a copy of, or go behind
                batch.append(record)
            elif assignment.is_copy(record):
                self._settle.drop_copy(record)
                self.attempts.seating.forgo(record)
            elif waiting := assignment.behind(record):
                self._settle.park_behind(record, waiting)
                self.attempts.seating.forgo(record)
            else:
                batch.append(record)
        self.attempts.in_flight += len(batch)
        return batch

    async def _decoded(self, picked: list[Record]) -> list[Record]:
        """Those that can be read and need not wait for a seat; none when their partitions were given up meanwhile."""
        readable: list[Record] = []
        for place, record in enumerate(picked):
            if place % _AT_A_TIME == _AT_A_TIME - 1:
                await asyncio.sleep(0)
                if not record.assignment.alive:
                    self.attempts.in_flight -= len(readable) + len(picked) - place
                    return []
            if self._decodes(record) and not (record.alone and self.attempts.seating.holds(record)):
                readable.append(record)
            else:
                self.attempts.in_flight -= 1
                self.wake()  # there was room for another one
        return readable

    def _decodes(self, record: Record) -> bool:
        if record.is_decoded:
            return True
        try:
            record.decode(self._reader, self._policy.channel)
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

    async def _carry_out(self, batch: Batch) -> None:
        if not self._limiter.of_people:
            await self.attempts.carry_out(batch)
            return
        batch.records = await self._within_limits(batch.records)
        if not batch.records:
            return
        # told now: what goes back may be sent by another flow meanwhile, and has then forgotten whose tokens it took
        backs = [(record, self._limiter.back(record)) for record in batch.records]
        await self.attempts.carry_out(batch)
        if unspent := [back for record, back in backs if record not in batch.called]:
            await self._limiter.give_back(unspent)

    async def _within_limits(self, records: list[Record]) -> list[Record]:
        """Those whose tenants and recipients may be told now; the others wait, untried, and their lanes with them."""
        admitted = []
        more = min(self._policy.batch, self._ownership.assignment.lanes.runnable)
        for record, held in zip(records, await self._limiter.admit(records, self.providers.usable, more), strict=True):
            if held is None:
                admitted.append(record)
                continue
            record.has_waited = True
            self.attempts.left(record)
            self._meter.limited(held.by).inc()
            if record.assignment.alive:
                self._settle.wait_for_limit(record, held.seconds)
        return admitted
