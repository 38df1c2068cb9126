"""The loop one would write: poll, fastavro, SET NX, make it, hand it over, one upsert, one commit; then the next.

In its favour: connections are kept, schemas parsed once, nobody is looked up, no opt-out is asked for, no poison, no
retry, no order and no breaker is thought of.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaException
from redis.asyncio import Redis

from ops.bench.router.cores import pin
from ops.bench.router.plain_avro import PlainAvro
from ops.bench.sender.contenders.status_table import MAKE, UPSERT, row
from ops.bench.sender.order import Order
from schemas.topics import deliveries
from streams.domain.notification import Priority

HandOver = Callable[[dict[str, Any], dict[str, Any]], Awaitable[None]]
"""hand_over(delivery, values): raises when it was not taken."""

_CLAIM_SECONDS = 7 * 24 * 3600


async def run(order: Order, hand_over: HandOver, status: str, provider: str) -> None:
    """For ever."""
    pin(order.cores)
    avro, redis = PlainAvro("Delivery"), Redis.from_url(order.redis_url)
    table = await psycopg.AsyncConnection.connect(order.postgres_dsn, autocommit=True)
    await table.execute(MAKE.format(name=order.name).encode())
    upsert = UPSERT.format(name=order.name).encode()
    consumer = _consumer(order)
    while True:
        message = consumer.poll(1.0)  # nothing else runs on this loop: a thread would only cost
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        delivery = avro.decode(message.value())
        if await redis.set(f"{order.name}:{delivery['delivery_id']}", "1", nx=True, ex=_CLAIM_SECONDS):
            await hand_over(delivery, json.loads(delivery["notification"]["data"]))
            await table.execute(upsert, row(delivery, status, provider))
        consumer.commit(message, asynchronous=False)


def _consumer(order: Order) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": order.bootstrap_servers,
            "group.id": order.name,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([deliveries(order.channel, priority) for priority in Priority])
    return consumer
