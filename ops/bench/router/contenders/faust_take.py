"""Faust at its best by ordinary means: batches by `take_events`, every setting that helps, uvloop.

It does not wait for what it sent to be confirmed, as Faust's users do not: that would cost it a few percent."""

import sys
from typing import Any

import uvloop
from confluent_kafka import murmur2

from ops.bench.router.contenders.stock_faust import StockFaust
from ops.bench.router.cores import pin
from ops.bench.router.order import Order

SETTINGS = {
    "stream_buffer_maxsize": 65_536,
    "broker_max_poll_records": 2_000,
    "broker_commit_interval": 1.0,
    "producer_linger": 0.02,
    "producer_max_batch_size": 256 * 1024,
    "producer_partitioner": lambda key, everyone, _: everyone[murmur2(key, len(everyone))],
    "cython_optimizations": True,
}


def build(order: Order) -> StockFaust:
    faust = StockFaust(order, SETTINGS)
    rule, to = faust.rule, faust.to

    async def route(stream: Any) -> None:
        async for events in stream.take_events(1_000, within=0.05):
            stamps = rule.stamps()
            for event in events:
                message = event.message
                for topic, value, headers in rule.outputs(
                    message.topic, message.key, message.value, list(event.headers.items()), stamps
                ):
                    await to[topic].send(key=message.key, value=value, headers=headers)

    faust.app.agent(faust.source, name="route")(route)
    return faust


def main() -> None:
    order = Order.from_argument(sys.argv[1])
    pin(order.cores)
    uvloop.run(build(order).live())


if __name__ == "__main__":
    main()
