"""The load: real notifications at a steady rate on all three priorities, for as long as faults are put in."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import Producer

from ops.faults.router.ledger import Ledger, Place
from ops.faults.router.traffic import KINDS, LANES, Label, Rule, id_of, traceparent, value_of
from schemas import topics
from schemas.codec import Codec
from schemas.headers import cloud_event
from schemas.records import preference_to_record
from streams.domain.preferences import Preference

TICK_SECONDS = 0.005
_TYPE, _SOURCE = "tidings.notification", "/tidings/faults"
_WEIGHTS = [kind.weight for kind in KINDS]


def producer(bootstrap_servers: str) -> Producer:
    """As a careful team would set it: nothing is given up, order per partition is kept."""
    settings: Mapping[str, Any] = {
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
    return Producer(dict(settings))


def publish_preferences(bootstrap_servers: str, preferences: Iterable[Preference], codec: Codec) -> None:
    """Straight to the compacted topic, confirmed."""
    made = producer(bootstrap_servers)
    for each in preferences:
        made.produce(topics.PREFERENCES, codec.encode("Preference", preference_to_record(each, 0)), each.recipient_id)
    if left := made.flush(60):
        raise RuntimeError(f"{left} preferences were not confirmed")


class Load(threading.Thread):
    """Open loop: an input is due at its moment, whatever became of earlier ones. `rate`: inputs a second."""

    def __init__(self, bootstrap_servers: str, ledger: Ledger, rule: Rule, rate: int, chance: random.Random) -> None:
        super().__init__(name="load", daemon=True)
        self._producer = producer(bootstrap_servers)
        self._ledger, self._rule, self._rate, self._chance = ledger, rule, rate, chance
        self._codec = Codec()
        self._stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Send until `stop`."""
        began, sent = time.monotonic(), 0
        try:
            while not self._stopped.wait(TICK_SECONDS):
                due = int((time.monotonic() - began) * self._rate)
                for _ in range(due - sent):
                    self._send_one()
                sent = max(sent, due)
                self._producer.poll(0)
        except Exception as error:
            self.failure = error

    def stop(self, seconds: float) -> int:
        """Send no more, and wait for what is on its way; how many inputs are still not confirmed."""
        self._stopped.set()
        self.join(30)
        return int(self._producer.flush(seconds))

    def _send_one(self) -> None:
        lane = self._chance.randrange(len(LANES))
        number = self._chance.choices(range(len(KINDS)), _WEIGHTS)[0]
        now = time.time_ns() // 1_000_000
        label = self._ledger.send(lane, number, now)
        self._produce(
            topics.notifications(LANES[lane].priority),
            value_of(label, KINDS[number], now, self._codec),
            LANES[lane].recipient,
            cloud_event(id_of(label), _TYPE, _SOURCE, now, traceparent(label)),
            self._report(label, self._rule.of(label, number).dead is not None),
        )

    def _produce(
        self, topic: str, value: bytes | None, key: str, headers: Any, report: Callable[[Any, Any], None]
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=report)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _report(self, label: Label, dead: bool) -> Callable[[Any, Any], None]:
        def report(error: Any, message: Any) -> None:
            if error is not None:
                self._ledger.refuse(str(error))
            else:
                self._ledger.confirm(label, Place(message.topic(), message.partition(), message.offset()), dead)

        return report
