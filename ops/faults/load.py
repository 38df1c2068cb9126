"""The load: inputs at a steady rate, for as long as faults are put in."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from confluent_kafka import Producer

from ops.faults.lanes import Label
from ops.faults.ledger import Ledger, Place

TICK_SECONDS = 0.005


class Input(NamedTuple):
    """One record to send. `keep_place`: the checker wants to know where Kafka put it."""

    label: Label
    topic: str
    key: str
    value: bytes | None
    headers: list[tuple[str, bytes]]
    keep_place: bool


def producer(bootstrap_servers: str) -> Producer:
    """As a careful team would set it: nothing is given up, order per partition is kept."""
    settings: dict[str, Any] = {
        "bootstrap.servers": bootstrap_servers,
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 2,
        "delivery.timeout.ms": 600_000,
        "queue.buffering.max.messages": 2_000_000,
        "reconnect.backoff.max.ms": 1000,
        "log_level": 0,
    }
    return Producer(settings)


class Load(threading.Thread):
    """Open loop: an input is due at its moment, whatever became of earlier ones.

    `make` notes the next input in the ledger and says what it is; called on this thread. `rate`: inputs a second.
    """

    def __init__(self, bootstrap_servers: str, ledger: Ledger, make: Callable[[], Input], rate: int) -> None:
        super().__init__(name="load", daemon=True)
        self._producer = producer(bootstrap_servers)
        self._ledger, self._make, self._rate = ledger, make, rate
        self._stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Send until `stop`."""
        began, sent = time.monotonic(), 0
        try:
            while not self._stopped.wait(TICK_SECONDS):
                due = int((time.monotonic() - began) * self._rate)
                for _ in range(due - sent):
                    self._send(self._make())
                sent = max(sent, due)
                self._producer.poll(0)
        except Exception as error:
            self.failure = error

    def stop(self, seconds: float) -> int:
        """Send no more, and wait for what is on its way; how many inputs are still not confirmed."""
        self._stopped.set()
        self.join(30)
        return int(self._producer.flush(seconds))

    def _send(self, made: Input) -> None:
        report = self._report(made.label, made.keep_place)
        while True:
            try:
                self._producer.produce(made.topic, made.value, made.key, headers=made.headers, on_delivery=report)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _report(self, label: Label, keep_place: bool) -> Callable[[Any, Any], None]:
        def report(error: Any, message: Any) -> None:
            if error is not None:
                self._ledger.refuse(str(error))
            else:
                self._ledger.confirm(label, Place(message.topic(), message.partition(), message.offset()), keep_place)

        return report
