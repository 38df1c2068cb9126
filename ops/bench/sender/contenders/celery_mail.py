"""A Celery worker: its queue is filled first, then it works."""

import os
import sys
import time

import psycopg

from ops.bench.router.cores import pin
from ops.bench.sender.contenders import queue_filling
from ops.bench.sender.contenders.status_table import MAKE
from ops.bench.sender.order import Order


def main() -> None:
    order = Order.from_argument(sys.argv[1])
    os.environ["TIDINGS_BENCH_ORDER"] = sys.argv[1]
    from ops.bench.sender.contenders.celery_tasks import app, mail

    with psycopg.connect(order.postgres_dsn) as connection:
        connection.execute(MAKE.format(name=order.name).encode())
    for delivery in queue_filling.deliveries_of(order, time.time_ns() // 1_000_000):
        mail.delay(delivery)
    pin(order.cores)
    app.worker_main(["worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=WARNING"])


if __name__ == "__main__":
    main()
