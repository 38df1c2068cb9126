"""The producer of a sender, and the confirmations of what was handed to it."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from connectors.delivery.fail_stop import fail_stop
from connectors.delivery.incoming import Record
from connectors.delivery.outgoing import Outgoing

_POLL_S = 0.01  # nobody waits for a confirmation but the commit of its offset
_FULL_POLL_S = 0.01


class Writer:
    """Hands records to Kafka and counts their confirmations. What it writes to one partition keeps its order.

    A produce that fails for good stops the process: nothing was committed that rests on it.
    """

    def __init__(self, producer: Any, confirmed: Callable[[Record], None]) -> None:
        """`confirmed` is called when a closing record has nothing unconfirmed left."""
        self._producer = producer
        self._confirmed = confirmed
        self._some = asyncio.Event()
        self.unconfirmed = 0

    def write(self, record: Record, out: Outgoing, written: Callable[[int | None], None] | None = None) -> None:
        """Returns at once; waits only while the producer's queue is full. `written` is told its offset, if known."""
        record.unconfirmed += 1
        self.unconfirmed += 1
        told = partial(self._delivered, record, written)
        while True:
            try:
                # by place (the confirmation, no second name for it, now): by name it takes a quarter longer
                self._producer.produce(out.topic, out.value, out.key, out.partition, told, None, 0, out.headers)
                break
            except BufferError:
                self._producer.poll(_FULL_POLL_S)
        if self.unconfirmed == 1:
            self._some.set()

    def close(self, record: Record, end_mark: bytes | None = None) -> None:
        """Nothing more will be written for this record."""
        record.closing, record.end_mark = True, end_mark
        if not record.unconfirmed:
            self._confirmed(record)

    async def run(self) -> None:
        """Serve confirmations while there are any to come; asleep otherwise."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self.unconfirmed:
                self._producer.poll(0)
                await asyncio.sleep(_POLL_S)

    def _delivered(
        self, record: Record, written: Callable[[int | None], None] | None, error: Any, message: Any
    ) -> None:
        if error is not None:
            fail_stop(f"a record was not written: {error}")
        if written is not None:
            written(message.offset())
        self.unconfirmed -= 1
        record.unconfirmed -= 1
        if record.closing and not record.unconfirmed:
            self._confirmed(record)
