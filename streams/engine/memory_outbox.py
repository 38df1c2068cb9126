"""An outbox that keeps what was sent: for agents without a broker."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from streams.engine.ending import fail_stop
from streams.engine.outbox import Headers, Outbox, Output, Receipt


class Sent(NamedTuple):
    """One record that was sent."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Headers


class MemoryOutbox(Outbox):
    """`sent` has every record in order. With `at_once` each is reported as delivered when its batch is through;
    otherwise when `confirm` or `refuse` is called."""

    def __init__(self, fail: Callable[[BaseException], NoReturn] = fail_stop, at_once: bool = True) -> None:
        super().__init__(fail)
        self.sent: list[Sent] = []
        self.at_once = at_once
        self._waiting: list[Receipt] = []

    def to(self, topic: str) -> list[Sent]:
        """What was sent to this topic, in order."""
        return [each for each in self.sent if each.topic == topic]

    def confirm(self) -> None:
        """Report everything that waits as delivered."""
        waiting, self._waiting = self._waiting, []
        for receipt in waiting:
            receipt.delivered(None, None)

    def refuse(self, reason: str) -> None:
        """Report the first that waits as failed."""
        self._waiting.pop(0).delivered(reason, None)

    def _produce(self, outputs: Sequence[Output], receipt: Receipt) -> None:
        self.sent.extend(Sent(*each) for each in outputs)
        self._waiting.extend([receipt] * len(outputs))

    def _after_batch(self) -> None:
        if self.at_once:
            self.confirm()
