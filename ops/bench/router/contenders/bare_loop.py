"""A bare confluent-kafka loop: consume, fastavro, conclude, fastavro, produce, wait for all, commit.

As good as it gets without leaving that form. In its favour: preferences are read once and not followed, no poison, no
watchdog, no rebalance is thought of.
"""

import sys
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from ops.bench.router.contenders.plain_rule import PlainRule
from ops.bench.router.cores import pin
from ops.bench.router.data import catalogue
from ops.bench.router.order import Order
from ops.bench.router.reading import latest_of

BATCH = 2_000


class BareLoop:
    """One consumer, one producer, one batch at a time."""

    def __init__(self, order: Order) -> None:
        servers = order.bootstrap_servers
        self._rule = PlainRule(catalogue(order.types), latest_of(servers, order.topics.preferences), order.topics)
        self._gather_seconds = order.gather_ms / 1000
        self._failed: list[Any] = []
        self._producer = Producer(
            {
                "bootstrap.servers": servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": order.linger_ms,
                "queue.buffering.max.messages": 200_000,
            }
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": order.group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        self._consumer.subscribe(list(order.topics.notifications.values()))

    def run(self) -> None:
        """For ever."""
        while True:
            if messages := self._batch():
                self._route(messages)

    def _batch(self) -> list[Any]:
        if self._gather_seconds:  # full batches: consume() waits for one, or for the time given
            return list(self._consumer.consume(BATCH, self._gather_seconds))
        first = self._consumer.poll(0.1)  # what is there: a single record has not to wait
        return [first, *self._consumer.consume(BATCH - 1, 0)] if first is not None else []

    def _route(self, messages: list[Any]) -> None:
        produce, outputs, delivered = self._producer.produce, self._rule.outputs, self._delivered
        stamps = self._rule.stamps()
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            key = message.key()
            for topic, value, headers in outputs(
                message.topic(), key, message.value(), message.headers() or [], stamps
            ):
                produce(topic, value, key, on_delivery=delivered, headers=headers)
        if self._producer.flush(60) or self._failed:
            raise RuntimeError(f"records were not delivered: {self._failed[:1]}")
        self._consumer.commit(asynchronous=True)

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(error)


def main() -> None:
    order = Order.from_argument(sys.argv[1])
    pin(order.cores)
    BareLoop(order).run()


if __name__ == "__main__":
    main()
