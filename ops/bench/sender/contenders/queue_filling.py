"""The deliveries a job queue is given."""

from collections.abc import Iterator
from typing import Any

from ops.bench.sender.data import delivery_of
from ops.bench.sender.order import Order


def deliveries_of(order: Order, now: int) -> Iterator[dict[str, Any]]:
    """Those of the order, as in Kafka."""
    for number in range(*order.messages):
        yield delivery_of(order.channel, number, now, url=order.url)
