"""The same mails as jobs of Sidekiq, in Ruby: its queue is filled first, then its process takes over this one."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import psycopg
from redis import Redis

from ops.bench.router.cores import pin
from ops.bench.sender.contenders.queue_filling import deliveries_of
from ops.bench.sender.contenders.status_table import MAKE
from ops.bench.sender.order import Order

THREADS = 10
"""Sidekiq's own default."""

_JOBS = Path(__file__).with_name("sidekiq_mail.rb")


def main() -> None:
    order = Order.from_argument(sys.argv[1])
    with psycopg.connect(order.postgres_dsn) as connection:
        connection.execute(MAKE.format(name=order.name).encode())
    _fill(order)
    pin(order.cores)
    ruby = shutil.which("ruby")
    assert ruby is not None
    os.environ["TIDINGS_BENCH_ORDER"] = sys.argv[1]
    start = "require 'sidekiq/cli'; cli = Sidekiq::CLI.instance; cli.parse; cli.run"
    options = ["-r", str(_JOBS), "-c", str(THREADS), "-q", order.name, "-e", "production"]
    os.execv(ruby, [ruby, "-e", start, "--", *options])  # noqa: S606


def _fill(order: Order) -> None:
    """Jobs as Sidekiq's client writes them."""
    now = time.time()
    with Redis.from_url(order.redis_url) as redis, redis.pipeline(transaction=False) as pipe:
        pipe.sadd("queues", order.name)
        for number, delivery in enumerate(deliveries_of(order, int(now * 1000))):
            job = {
                "class": "MailJob", "args": [delivery], "queue": order.name, "jid": f"{number:024x}", "retry": True,
                "created_at": now, "enqueued_at": now,
            }  # fmt: skip
            pipe.lpush(f"queue:{order.name}", json.dumps(job))
        pipe.execute()


if __name__ == "__main__":
    main()
