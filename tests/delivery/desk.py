"""The loop's side of a sender without Kafka: what it writes is kept, and confirmed when a test says so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from connectors.delivery.assignment import Assignment
from connectors.delivery.dispatch import Dispatch
from connectors.delivery.incoming import Record
from connectors.delivery.marking import Marker
from connectors.delivery.meter import Meter
from connectors.delivery.outage import Outage
from connectors.delivery.outgoing import Letters
from connectors.delivery.ownership import Ownership
from connectors.delivery.parked import Waiting
from connectors.delivery.parts import SenderParts
from connectors.delivery.policy import PRIORITIES
from connectors.delivery.producing import Writer
from connectors.delivery.settle import Settle
from connectors.memory.breakers import BreakersInMemory
from connectors.memory.claims import ClaimsInMemory
from connectors.memory.limits import LimitsInMemory
from connectors.memory.provider import Hangs, ProviderInMemory
from schemas import topics
from schemas.headers import Headers
from streams.domain.delivery import Delivery, Message
from streams.domain.outcomes import Outcome
from tests.delivery.builders import CATALOGUE, CODEC, Came, EveryRecipient, compose, encoded, policy


@dataclass(slots=True)
class Written:
    """One record handed to the producer."""

    topic: str
    value: bytes | None
    key: bytes | None
    partition: int
    headers: dict[str, bytes]
    on_delivery: Callable[[Any, Any], None]

    @property
    def status(self) -> dict[str, Any]:
        return CODEC.decode("DeliveryStatus", self.value)


class KeptProducer:
    """Stands for confluent_kafka.Producer. Confirms at every poll, unless `holds`."""

    def __init__(self) -> None:
        self.written: list[Written] = []
        self.holds = False
        self._unconfirmed: list[Written] = []
        self._offsets = count()

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        callback: Callable[[Any, Any], None],
        on_delivery: None,
        timestamp: int,
        headers: Headers,
    ) -> None:
        assert (on_delivery, timestamp) == (None, 0), "no second callback, and the time of now"
        made = Written(topic, value, key, partition, dict(headers), callback)
        self.written.append(made)
        self._unconfirmed.append(made)

    def poll(self, _seconds: float) -> int:
        if self.holds:
            return 0
        confirmed, self._unconfirmed = self._unconfirmed, []
        for each in confirmed:
            each.on_delivery(None, Came(each.topic, next(self._offsets)))
        return len(confirmed)

    def to(self, topic: str) -> list[Written]:
        return [each for each in self.written if each.topic == topic]


class Desk:
    """`put` deliveries and see what becomes of them."""

    def __init__(self, *providers: ProviderInMemory, **changes: Any) -> None:
        """The first of the `providers` is the first choice; without any there is one. `changes` are of the policy."""
        self.policy = policy(**changes)
        self.provider, *standby = providers or (ProviderInMemory(),)
        self.claims, self.recipients = ClaimsInMemory(), EveryRecipient()
        self.breakers, self.limits = BreakersInMemory(), LimitsInMemory()
        self.producer = KeptProducer()
        self.ownership = Ownership()
        self.parts = SenderParts(
            self.provider,
            self.recipients,
            self.claims,
            compose,
            CATALOGUE,
            CODEC,
            standby=tuple(standby),
            breakers=self.breakers,
            limits=self.limits,
        )
        self._next = 0
        self.assign(b"run.1")

    def assign(self, owner: bytes, start: int = 0) -> Assignment[Record]:
        """A new assignment; the one before becomes an orphan."""
        self.ownership.assignment.alive = False
        starts = {(source, 0): start for source in range(3 + len(self.policy.schedule.tiers))}
        self.ownership.assignment = Assignment(starts, owner=owner)
        return self.ownership.assignment

    @asynccontextmanager
    async def running(self, parts: SenderParts | None = None) -> AsyncIterator[None]:
        parts = parts or self.parts
        meter = Meter(self.policy)
        self.settle = Settle(
            self.policy, Letters(self.policy, CODEC), Marker(parts.claims, Outage("nothing is settled")), meter
        )
        writer = Writer(self.producer, self.settle.confirmed)
        self.outage = Outage("nothing is sent")
        self.dispatch = Dispatch(self.policy, parts, self.ownership, self.settle, self.outage, meter)
        self.settle.use(writer, self.dispatch.wake)
        await self.dispatch.providers.start()
        parts_at_work = (self.settle, self.dispatch, self.dispatch.providers, writer)
        tasks = [asyncio.create_task(part.run()) for part in parts_at_work]
        try:
            yield
        finally:
            await self.dispatch.abandon()
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert [error for error in ended if not isinstance(error, asyncio.CancelledError)] == []

    def put(self, *values: Delivery, headers: list[tuple[str, bytes]] | None = None) -> list[Record]:
        """Into their lanes, at the next offsets of their main topics."""
        made = []
        for value in values:
            told = value.notification
            topic = topics.deliveries(value.channel, told.priority)
            came = Came(topic, self._next, 0, told.recipient_id.encode(), encoded(value), headers or [])
            made.append(self.put_raw(came, PRIORITIES.index(told.priority)))
        return made

    def put_retry(self, value: Delivery, headers: list[tuple[str, bytes]]) -> Record:
        """From the first retry topic into its lane, as if it were due; its main topic is past it."""
        key = value.notification.recipient_id.encode()
        came = Came(self.policy.topics[3], self._next, 0, key, encoded(value), headers)
        self._next += 1
        record = Record(self.ownership.assignment, came, 3)
        record.read_place()
        self.ownership.assignment.parked.put(record.lane, record.origin, Waiting(0, record.due))
        self.ownership.assignment.track(record)
        self.ownership.assignment.lanes.offer(record)
        self.dispatch.wake()
        return record

    def put_raw(self, came: Came, source: int) -> Record:
        self._next += 1
        record = Record(self.ownership.assignment, came, source)
        record.read_place()
        self.ownership.assignment.track(record)
        self.ownership.assignment.admit(record)
        self.dispatch.wake()
        return record

    def statuses(self, value: Delivery) -> list[str]:
        told = [each.status for each in self.producer.to(topics.DELIVERY_STATUS)]
        return [each["status"] for each in told if each["delivery_id"] == value.delivery_id]

    def told(self) -> list[dict[str, Any]]:
        return [each.status for each in self.producer.to(topics.DELIVERY_STATUS)]

    def completed(self, record: Record) -> bool:
        return not record.assignment.trackers[record.source, record.partition].holds(record.offset)


async def some_turns() -> None:
    """Enough for everything that could happen without a confirmation or a server."""
    for _ in range(50):
        await asyncio.sleep(0)


class Gated(ProviderInMemory):
    """Answers when the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def send(self, message: Message) -> Outcome:
        await self.gate.wait()
        return await super().send(message)


class Switched(ProviderInMemory):
    """Answers every call with `answer`, unless that is None; Hangs: not at all."""

    def __init__(self, name: str = "memory", answer: Outcome | Hangs | None = None) -> None:
        super().__init__(name)
        self.answer = answer

    async def send(self, message: Message) -> Outcome:
        if self.answer is not None:
            self.script([self.answer], message.address)
        return await super().send(message)
