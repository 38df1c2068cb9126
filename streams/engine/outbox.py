"""Produce with proof: a batch is finished only when every record it caused is on the brokers."""

import asyncio
import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, NoReturn

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, RecordListTooLargeError

from streams.engine.batch import Batch
from streams.engine.ending import kafka_went_away
from streams.engine.outlet import Doubts, Outlet
from streams.engine.record import Partition, Record
from streams.engine.record_batch import Headers, decoded, record

_SETTINGS: dict[str, Any] = {
    "enable_idempotence": True,  # also acks=all; a batch is tried again until it is answered, in its place
    "request_timeout_ms": 10_000,  # a broker that hangs: well before the watchdog asks, and as often as it takes
}
_METADATA_SECONDS = 0.1  # between two questions
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class Receipt:
    """Counts what one batch still waits for; the batch itself, until all of it is handed over, counts as one."""

    __slots__ = ("_done", "pending")

    def __init__(self, done: Callable[["Receipt"], None]) -> None:
        self.pending = 1
        self._done = done

    def confirmed(self) -> None:
        """One thing less to wait for."""
        self.pending -= 1
        if not self.pending:
            self._done(self)


Bury = Callable[[Partition, Record, str], None]
Outputs = Mapping[str, Sequence[bytes]]
"""By topic: records for it as `record_batch.record` makes them, in their order."""


class Outbox(ABC):
    """Where the outputs of one agent go. Everything runs on the event loop, so there are no locks.

    What is sent leaves when the body of its batch is through: of a batch that fails nothing was produced. It goes to
    the partition its batch came from, which is the right one for every key that lay there: topic_check sees to equal
    partition counts.
    """

    def __init__(self, fail: Callable[[BaseException], NoReturn]) -> None:
        self._fail = fail
        self._open: dict[Receipt, Any] = {}  # -> the event to acknowledge
        self._in_hand: Batch | None = None
        self._outputs: defaultdict[str, list[bytes]] = defaultdict(list)
        self._reader: object | None = None
        self.handed_over = 0  # outputs since the start

    async def batches(self, stream: Any, bury: Bury | None = None) -> AsyncIterator[Batch]:
        """The batches of a stream. What is sent in the body belongs to the batch in hand; a raise finishes nothing.

        `bury(partition, record, reason)` sends a dead letter: it gets the records that two processes died on, which are
        then left out of their batch. Without it they are handed over like any other.
        The next batch does not wait until this one is finished: Consumer.max_open_records bounds what is in flight.
        """
        self._reader = mine = object()
        async for event in stream.noack().events():
            if self._reader is not mine:
                raise RuntimeError("two agents share an outbox: give each its own")
            receipt = Receipt(self._settle)
            self._open[receipt] = event
            self._in_hand = batch = event.value
            batch.begin()
            if bury is not None:
                for record, reason in batch.set_aside():
                    bury(batch.tp, record, reason)
            if len(batch):
                yield batch
            batch.lift_mark()  # whatever happens from here on is not the fault of its last record
            self._in_hand = None
            outputs, self._outputs = self._outputs, defaultdict(list)
            await self._produce(outputs, batch.tp, receipt)
            self.handed_over += sum(map(len, outputs.values()))
            receipt.confirmed()

    def send(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        """Produce one record on behalf of the batch in hand. Raises RuntimeError outside of a batch."""
        self.put(topic, record(key, value, headers))

    def put(self, topic: str, made: bytes) -> None:
        """As `send`, of what `record_batch.record` would have made."""
        if self._in_hand is None:
            raise RuntimeError("an output belongs to a batch: send inside the body of batches()")
        self._outputs[topic].append(made)

    def _settle(self, receipt: Receipt) -> None:
        self._open.pop(receipt).ack()

    def _refused(self, outputs: Sequence[bytes], error: BaseException) -> NoReturn:
        """These were not delivered. A record that makes outputs nobody takes is as deadly as any."""
        try:
            if isinstance(error, _TOO_LARGE):
                self._blame(decoded(max(outputs, key=len)).key)
        finally:
            self._fail(RuntimeError(f"a record was not delivered: {error!r}"))

    def _blame(self, key: bytes | None) -> None:
        """Of all records in hand with this key, the largest; of all at all, when the output has a key of its own."""
        batches = [event.value for event in self._open.values()]
        found = [(record, batch) for batch in batches for record in batch.of(key)]
        found = found or [(record, batch) for batch in batches for record in batch.every()]
        if found:
            record, batch = max(found, key=lambda each: len(each[0].value or b""))
            batch.blame(record)

    @abstractmethod
    async def _produce(self, outputs: Outputs, tp: Partition, receipt: Receipt) -> None:
        """Hand them over, those of a topic in their order; `receipt` counts what is not confirmed yet."""

    @abstractmethod
    async def open(self) -> None:
        """Connect; before the first batch. Raises CannotStart when nobody answers."""

    @abstractmethod
    async def close(self) -> None:
        """Give back connections. A planned stop comes here with everything confirmed; what is not comes again."""


class KafkaOutbox(Outbox):
    """Produces with aiokafka, a batch of records at a time: nothing is done for each record but to join its bytes.

    A producer has one request under way to a broker, and what comes meanwhile waits. So each source has a producer of
    its own: what a high notification causes does not wait for what a flood of low ones causes.
    """

    def __init__(
        self, bootstrap_servers: str, fail: Callable[[BaseException], NoReturn], sources: Iterable[str]
    ) -> None:
        """`sources`: the topics that batches come from."""
        super().__init__(fail)
        self._servers = bootstrap_servers
        self._sources = tuple(sources)
        self._doubts = Doubts(self._refused, fail)
        self._producers: dict[str, AIOKafkaProducer] = {}  # by source
        self._outlets: dict[tuple[Partition, str], Outlet] = {}  # by where outputs come from and their topic

    async def open(self) -> None:
        for source in self._sources:
            self._producers[source] = producer = AIOKafkaProducer(bootstrap_servers=self._servers, **_SETTINGS)
            # aiokafka would give up a batch of this age at the first sight of a partition without a leader.
            producer._message_accumulator._batch_ttl = math.inf
            _ask_seldom(producer.client)
            try:
                await producer.start()
            except KafkaConnectionError:
                raise kafka_went_away(self._servers) from None

    async def close(self) -> None:
        for outlet in self._outlets.values():
            await outlet.close()
        for producer in self._producers.values():
            await producer.stop()

    async def _produce(self, outputs: Outputs, tp: Partition, receipt: Receipt) -> None:
        receipt.pending += len(outputs)
        for topic, records in outputs.items():
            outlet = self._outlets.get((tp, topic))
            if outlet is None:
                outlet = Outlet(self._producers[tp.topic], topic, tp.partition, self._doubts)
                self._outlets[tp, topic] = outlet
            outlet.put(records, receipt.confirmed)


def _ask_seldom(client: Any) -> None:
    """While a partition has no leader, aiokafka asks for metadata as fast as brokers answer: they have enough to do."""
    ask, asked_at = client._metadata_update, -math.inf

    async def update(*arguments: Any) -> Any:
        nonlocal asked_at
        await asyncio.sleep(max(0.0, asked_at + _METADATA_SECONDS - monotonic()))
        asked_at = monotonic()
        return await ask(*arguments)

    client._metadata_update = update
