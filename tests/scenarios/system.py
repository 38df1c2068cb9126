"""The whole system on real servers, and what the outside world sees of it."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from ops.demo.client import Client
from ops.devstack import Stack
from schemas import topics
from schemas.codec import Codec
from schemas.records import notification_to_record
from streams.domain.delivery_status import TERMINAL
from streams.domain.notification import Notification, Priority

CODEC = Codec()
ENDED = sorted(str(status) for status in TERMINAL)


def wait_until(holds: Callable[[], Any], seconds: float = 30, what: str = "") -> Any:
    """The first true value of `holds()`; fails with the last one when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what or holds} (last: {value!r})")
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class System:
    """A running stack with all processes, its API and its catchers."""

    stack: Stack
    api: Client

    # -- in

    def recipient(self, name: str = "", **addresses: str) -> str:
        """A new recipient with these addresses; by default an e-mail address of its own."""
        made = f"{name or 'person'}-{uuid4().hex[:10]}"
        self.api.put(f"/v1/recipients/{made}", {"addresses": addresses or {"email": f"{made}@example.com"}}).ok()
        return made

    def hook(self, name: str) -> str:
        return f"{self.stack.endpoints.webhooks_url.rstrip('/')}/hook/{name}"

    def script(self, name: str, answers: Sequence[int], **more: Any) -> None:
        """What the webhook receiver answers next on /hook/<name>."""
        self._catcher("PUT", f"script/{name}", {"answers": list(answers), **more})

    def notify(self, recipient: str, kind: str = "order.shipped", **more: Any) -> str:
        """Through the HTTP API; the id."""
        body = {"recipient_id": recipient, "type": kind, "data": example(kind), **more}
        return str(self.api.post("/v1/notifications", body).ok()["notification_id"])

    def produce(self, notifications: Iterable[Notification]) -> None:
        """Straight to Kafka, confirmed."""
        producer = self.producer()
        for each in notifications:
            value = CODEC.encode("Notification", notification_to_record(each))
            producer.produce(topics.notifications(each.priority), value, each.recipient_id)
            producer.poll(0)
        assert producer.flush(60) == 0

    def producer(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self.stack.endpoints.kafka_bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
            }
        )

    # -- out

    def mails(self, recipient: str = "") -> list[dict[str, Any]]:
        """What the mail catcher really got, oldest first; of one recipient's default address if named."""
        with urllib.request.urlopen(f"{self.stack.endpoints.mail_url.rstrip('/')}/api/messages", timeout=30) as answer:
            mails: list[dict[str, Any]] = json.load(answer)
        mails.sort(key=lambda mail: str(mail["id"]))
        return [mail for mail in mails if not recipient or f"{recipient}@example.com" in mail["to"]]

    def webhooks(self, name: str) -> list[dict[str, Any]]:
        """What the webhook receiver really got on /hook/<name>, in order."""
        got: list[dict[str, Any]] = self._catcher("GET", f"api/received?name={name}")
        return got

    def status(self, notification_id: str) -> dict[str, str]:
        """Status by channel, as the API tells."""
        told = self.api.get(f"/v1/notifications/{notification_id}")
        return {each["channel"]: each["status"] for each in told.body["deliveries"]} if told.status == 200 else {}

    def ended(self, notification_id: str, seconds: float = 30) -> dict[str, str]:
        """Wait until every delivery of it has reached a terminal status."""
        seen: dict[str, str] = {}

        def all_ended() -> bool:
            seen.update(self.status(notification_id))
            return bool(seen) and set(seen.values()) <= set(ENDED)

        try:
            wait_until(all_ended, seconds, f"{notification_id} ended")
        except AssertionError as late:
            raise AssertionError(f"{late}; its deliveries: {seen}") from None
        return seen

    def explained(self, notification_id: str) -> dict[str, Any]:
        told: dict[str, Any] = self.api.get(f"/v1/notifications/{notification_id}").ok()
        return told

    def counts(self, prefix: str) -> Counter[str]:
        """Deliveries by status of the notifications whose id begins so, straight from PostgreSQL."""
        with psycopg.connect(self.stack.endpoints.postgres_dsn) as connection:
            rows = connection.execute(
                "select status, count(*) from deliveries where notification_id like %s group by status", (f"{prefix}%",)
            ).fetchall()
        return Counter({str(status): int(count) for status, count in rows})

    def statuses_published(self, prefix: str) -> dict[str, list[dict[str, Any]]]:
        """Every record of delivery-status of these notifications, by delivery, in order: an independent reader."""
        found: dict[str, list[dict[str, Any]]] = {}
        for message in self.read(topics.DELIVERY_STATUS):
            status = CODEC.decode("DeliveryStatus", message.value())
            if status["notification_id"].startswith(prefix):
                found.setdefault(status["delivery_id"], []).append(status)
        return found

    def read(self, topic: str) -> list[Any]:
        """All of a topic up to its end now."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.stack.endpoints.kafka_bootstrap_servers,
                "group.id": f"reader-{uuid4().hex[:8]}",
                "enable.auto.commit": False,
            }
        )
        ends = self.ends(topic, consumer)
        left = {partition for partition, end in ends.items() if end}
        consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
        messages = []
        while left:
            for message in consumer.consume(2000, 0.5):
                assert message.error() is None, message.error()
                messages.append(message)
                if message.offset() + 1 >= ends[message.partition()]:
                    left.discard(message.partition())
        consumer.close()
        return messages

    def ends(self, topic: str, consumer: Consumer) -> dict[int, int]:
        """The end offset of each partition."""
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions}

    def _catcher(self, method: str, path: str, body: Any = None) -> Any:
        catcher = Client(self.stack.endpoints.webhooks_url.rstrip("/"))
        data = json.dumps(body).encode() if body is not None else None
        return catcher.call(method, f"/{path}", data).ok()


def example(kind: str) -> Any:
    """The example data of a type of the example catalogue."""
    return json.loads((Path(__file__).parents[2] / "ops" / "catalogue" / kind / "example.json").read_text())


def many(count: int, recipients: Sequence[str], kind: str, prefix: str, priority: Priority) -> Iterable[Notification]:
    """Notifications whose ids begin with `prefix` and end in their number, round the recipients in turn."""
    data, now = json.dumps(example(kind)), int(time.time() * 1000)
    for number in range(count):
        yield Notification(
            f"{prefix}-{number:07d}", recipients[number % len(recipients)], kind, priority, now, data=data
        )
