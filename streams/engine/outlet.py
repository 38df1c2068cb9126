"""One partition of a topic that is written to: one record batch is under way, what comes meanwhile gathers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

from streams.engine.record_batch import RecordBatch, in_batches

_BATCH_BYTES = 1024 * 1024  # before compression; a larger record has a batch of its own
_BROKERS_ARE_AWAY = (KafkaTimeoutError, UnknownTopicOrPartitionError)  # nothing was handed over

Confirmed = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is called when something went wrong; neither returns. `refused`: these records will never be there."""

    refused: Callable[[Sequence[bytes], BaseException], NoReturn]
    failed: Callable[[BaseException], NoReturn]


class Outlet:
    """Records leave in the order in which they were put. Made on the event loop it is used on.

    Without load a record leaves at once. Under load what gathers while a request is under way is the next batch: there
    is no linger to be set. A batch leaves when the one before is confirmed, so that none can overtake a refused one.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int, doubts: Doubts) -> None:
        self._producer = producer
        self._topic, self._partition = topic, partition
        self._doubts = doubts
        self._records: list[bytes] = []
        self._confirmed: list[Confirmed] = []
        self._wanted = asyncio.Event()
        self._work = asyncio.create_task(self._run())

    def put(self, records: Sequence[bytes], confirmed: Confirmed) -> None:
        """`confirmed()` is called when all of them are on the brokers."""
        self._records += records
        self._confirmed.append(confirmed)
        self._wanted.set()

    async def close(self) -> None:
        """Nothing leaves any more."""
        self._work.cancel()
        await asyncio.wait([self._work])

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            records, self._records = self._records, []
            confirmed, self._confirmed = self._confirmed, []
            try:
                for batch in in_batches(records, time.time_ns() // 1_000_000, _BATCH_BYTES):
                    await self._send(batch)
                for each in confirmed:
                    each()
            except Exception as error:  # whoever holds this task would never hear of it
                self._doubts.failed(error)

    async def _send(self, batch: RecordBatch) -> None:
        """Returns when it is on the brokers."""
        while True:
            try:
                there = await self._producer.send_batch(batch, self._topic, partition=self._partition)
                break
            except _BROKERS_ARE_AWAY:  # the watchdog knows for how long one may wait
                continue
        try:
            await there
        except Exception as error:
            self._doubts.refused(batch.records, error)
