"""An outbox that keeps what was sent: for agents without a broker."""

from collections.abc import Callable
from typing import NamedTuple, NoReturn

from streams.engine.ending import fail_stop
from streams.engine.outbox import Outbox, Outputs, Receipt
from streams.engine.record import Partition
from streams.engine.record_batch import decoded


class Sent(NamedTuple):
    """One record that was sent."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class MemoryOutbox(Outbox):
    """`sent` has the records of each batch by topic, in order. With `at_once` each is confirmed when its batch is
    through; otherwise when `confirm` or `refuse` is called."""

    def __init__(self, fail: Callable[[BaseException], NoReturn] = fail_stop, at_once: bool = True) -> None:
        super().__init__(fail)
        self.sent: list[Sent] = []
        self.at_once = at_once
        self._waiting: list[Receipt] = []

    def to(self, topic: str) -> list[Sent]:
        """What was sent to this topic, in order."""
        return [each for each in self.sent if each.topic == topic]

    def confirm(self) -> None:
        """Everything that waits is on the brokers."""
        waiting, self._waiting = self._waiting, []
        for receipt in waiting:
            receipt.confirmed()

    def refuse(self, reason: str) -> None:
        """The first that waits will never be there."""
        self._waiting.pop(0)
        self._refused([], RuntimeError(reason))

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """There is nothing to give back."""

    async def _produce(self, outputs: Outputs, tp: Partition, receipt: Receipt) -> None:
        made = [Sent(topic, *decoded(each)) for topic, records in outputs.items() for each in records]
        self.sent += made
        receipt.pending += len(made)
        self._waiting += [receipt] * len(made)
        if self.at_once:
            self.confirm()
