"""Deliveries written at a steady rate, and when they came to the sink.

Open loop: each is written when its moment has come, whether or not earlier ones have arrived.
"""

import time
from collections.abc import Sequence

from confluent_kafka import Producer

from ops.bench.sender.data import delivery_of, headers_of
from ops.bench.sender.sink_link import Arrival
from ops.bench.sender.site import Site
from schemas.codec import Codec
from schemas.topics import deliveries
from streams.domain.notification import Channel, Priority

_SETTLE_SECONDS = 30.0


class Steady:
    """Writes e-mail deliveries one by one. `written`: when each was handed to the producer (time.monotonic)."""

    def __init__(self, site: Site) -> None:
        self._site, self._codec = site, Codec()
        self.written: dict[int, float] = {}
        self._producer = Producer(
            {
                "bootstrap.servers": site.endpoints.kafka_bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 0,
                "log_level": 0,
            }
        )
        self._producer.list_topics(timeout=_SETTLE_SECONDS)

    def at_rate(self, rate: int, seconds: float, priority: Priority = Priority.NORMAL) -> range:
        """So many a second for so long; the numbers of what was written."""
        first, begin = self._site.filled, time.monotonic()
        for at in range(max(1, int(rate * seconds))):
            self._serve_until(begin + at / rate)
            self._write(first + at, priority)
        self._site.filled = first + at + 1
        return range(first, self._site.filled)

    def delays_ms(self, numbers: range, arrivals: Sequence[Arrival]) -> list[float]:
        """From its write to its arrival at the sink, of each that came."""
        return [(each.at - self.written[each.number]) * 1000 for each in arrivals if each.number in numbers]

    def _serve_until(self, moment: float) -> None:
        while (left := moment - time.monotonic()) > 0:
            self._producer.poll(0)
            time.sleep(min(left, 0.001))

    def _write(self, number: int, priority: Priority) -> None:
        record = delivery_of(Channel.EMAIL, number, time.time_ns() // 1_000_000, priority)
        key, value = record["notification"]["recipient_id"].encode(), self._codec.encode("Delivery", record)
        headers = headers_of(record)
        self.written[number] = time.monotonic()
        self._producer.produce(deliveries(Channel.EMAIL, priority), value, key, headers=headers)
        self._producer.poll(0)
