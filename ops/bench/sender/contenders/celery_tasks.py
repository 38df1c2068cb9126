"""The same mails as tasks of Celery 5 with Redis: claim, words, mail, smtplib, one upsert.

Set up to lose nothing, as ours: acks_late. In its favour: connections and templates are kept over tasks, no results are
stored, workers do not gossip.
"""

import json
import os
import smtplib
from typing import Any

import psycopg
from celery import Celery
from redis import Redis

from ops.bench.sender.contenders.mail_words import MailWords
from ops.bench.sender.contenders.status_table import UPSERT, row
from ops.bench.sender.order import Order

ORDER = "TIDINGS_BENCH_ORDER"
PROCESSES = 4
"""Side by side on the one core, so that one works while another waits for an answer."""

_CLAIM_SECONDS = 7 * 24 * 3600
_order = Order.from_argument(os.environ[ORDER])
app = Celery("bench", broker=_order.redis_url)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue=_order.name,
    worker_concurrency=PROCESSES,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)


class _Kept:
    """What a worker process keeps from task to task."""

    def __init__(self) -> None:
        self.words, self.redis = MailWords(), Redis.from_url(_order.redis_url)
        self.relay = smtplib.SMTP("127.0.0.1", _order.smtp_port)
        self.table = psycopg.connect(_order.postgres_dsn, autocommit=True)
        self.upsert = UPSERT.format(name=_order.name).encode()


_kept: list[_Kept] = []


@app.task(name="mail")  # type: ignore[untyped-decorator]
def mail(delivery: dict[str, Any]) -> None:
    """One delivery."""
    if not _kept:
        _kept.append(_Kept())
    kept = _kept[0]
    if not kept.redis.set(f"{_order.name}:{delivery['delivery_id']}", "1", nx=True, ex=_CLAIM_SECONDS):
        return
    told = delivery["notification"]
    kept.relay.send_message(kept.words.mail(delivery, told["to"]["email"], json.loads(told["data"])))
    kept.table.execute(kept.upsert, row(delivery, "sent", "smtp"))
