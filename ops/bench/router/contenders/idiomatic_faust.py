"""Faust as its manual shows it: `async for event in stream.events()`, `await topic.send(...)`, its own settings."""

import asyncio
import sys
from typing import Any

from ops.bench.router.contenders.stock_faust import StockFaust
from ops.bench.router.cores import pin
from ops.bench.router.order import Order


def build(order: Order) -> StockFaust:
    faust = StockFaust(order, {})
    rule, to = faust.rule, faust.to

    async def route(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            for topic, value, headers in rule.outputs(
                message.topic, message.key, message.value, list(event.headers.items()), rule.stamps()
            ):
                await to[topic].send(key=message.key, value=value, headers=headers)

    faust.app.agent(faust.source, name="route")(route)
    return faust


def main() -> None:
    order = Order.from_argument(sys.argv[1])
    pin(order.cores)
    asyncio.run(build(order).live())


if __name__ == "__main__":
    main()
