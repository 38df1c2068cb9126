"""How long it takes: from a publish to the provider, and the API's answer, at a steady rate on everything at once.

Open loop: a notification is published when its moment has come, whether or not earlier ones have arrived, so a stall
is seen in full. Arrival is what the mail catcher and the webhook receiver noted, not what tidings says of itself.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import aiohttp
from confluent_kafka import Producer

from ops.bench.figures import Figure, quantile
from ops.demo.client import Client
from ops.devstack import Stack
from schemas import topics
from schemas.codec import Codec
from schemas.records import notification_to_record
from streams.domain.notification import Notification, Priority

RECIPIENTS = 200
SETTLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Load:
    """Notifications a second, for how many seconds, after so many seconds that do not count."""

    rate: int
    seconds: int
    warm_up_seconds: int = 5

    @property
    def count(self) -> int:
        return self.rate * (self.seconds + self.warm_up_seconds)

    @property
    def uncounted(self) -> int:
        return self.rate * self.warm_up_seconds


def measure(stack: Stack, key: str, load: Load) -> list[Figure]:
    """Both figures, one after the other, on a running stack."""
    run = uuid4().hex[:8]
    prepare(stack, Client(stack.api_url, key), run)
    handed_over = asyncio.run(_publish(stack, load, run))
    answers, faults = asyncio.run(_call_api(stack.api_url, key, load, run))
    return [
        Figure("handed_over_p50_ms", quantile(handed_over, 0.5), "ms", "publish to provider, median"),
        Figure("handed_over_p99_ms", quantile(handed_over, 0.99), "ms", "publish to provider, 99 %", "< 60"),
        Figure("api_p50_ms", quantile(answers, 0.5), "ms", "POST /v1/notifications (acks=all), median"),
        Figure("api_p99_ms", quantile(answers, 0.99), "ms", "POST /v1/notifications (acks=all), 99 %", "< 20"),
        Figure("api_errors", faults, "answers", "answers that were not 202", "0"),
    ]


def prepare(stack: Stack, api: Client, run: str) -> None:
    """Recipients with an e-mail address and a webhook each."""
    hook = f"{stack.endpoints.webhooks_url.rstrip('/')}/hook/{run}"
    for number in range(RECIPIENTS):
        addresses = {"email": f"{run}-{number}@example.com", "webhook": hook}
        api.put(f"/v1/recipients/{run}-{number}", {"addresses": addresses}).ok()


async def at_rate(load: Load, act: Callable[[int], Awaitable[None]]) -> None:
    """Call `act(number)` at the load's rate, each on its own moment."""
    begin = time.perf_counter()
    acts = []
    for number in range(load.count):
        wait = begin + number / load.rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        acts.append(asyncio.ensure_future(act(number)))
    await asyncio.gather(*acts)


async def _publish(stack: Stack, load: Load, run: str) -> list[float]:
    codec = Codec()
    producer = Producer(
        {
            "bootstrap.servers": stack.endpoints.kafka_bootstrap_servers,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "linger.ms": 0,
        }
    )
    published: dict[str, float] = {}

    async def publish(number: int) -> None:
        channel = ("email", "webhook")[number % 2]
        label = f"{run}-{number}"
        made = Notification(
            str(uuid4()),
            f"{run}-{number % RECIPIENTS}",
            "order.shipped",
            Priority.NORMAL,
            int(time.time() * 1000),
            data=json.dumps({**_example(), "order_number": label}),
            channels=(channel,),
        )
        published[label] = time.time()
        producer.produce(
            topics.notifications(made.priority),
            codec.encode("Notification", notification_to_record(made)),
            made.recipient_id,
        )
        producer.poll(0)

    await at_rate(load, publish)
    await asyncio.to_thread(producer.flush, 10)
    counted = {label for label in published if int(label.rsplit("-", 1)[1]) >= load.uncounted}
    arrived = await asyncio.to_thread(_arrivals, stack, run, len(published))
    if missing := counted - arrived.keys():
        raise RuntimeError(f"{len(missing)} of {len(counted)} had not arrived after {SETTLE_SECONDS} s")
    return [(arrived[label] - published[label]) * 1000 for label in counted]


def _arrivals(stack: Stack, run: str, wanted: int) -> dict[str, float]:
    """When each order number came to the catchers, in seconds since 1970."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found: dict[str, float] = {}
        for call in _read(f"{stack.endpoints.webhooks_url.rstrip('/')}/api/received?name={run}"):
            found.setdefault(json.loads(call["body"])["data"]["order_number"], _seconds(call["at"]))
        for mail in _read(f"{stack.endpoints.mail_url.rstrip('/')}/api/messages"):
            for word in mail["subject"].replace("#", " ").split():
                if word.startswith(run):
                    found.setdefault(word.strip(".,:"), _seconds(mail["received_at"]))
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback, our own catchers
        return json.load(answer)


async def _call_api(url: str, key: str, load: Load, run: str) -> tuple[list[float], int]:
    seconds: list[float] = []
    faults = 0
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(url, headers=headers) as session:

        async def call(number: int) -> None:
            nonlocal faults
            body = {
                "recipient_id": f"{run}-{number % RECIPIENTS}",
                "type": "order.shipped",
                "channels": ["webhook"],
                "data": _example(),
            }
            began = time.perf_counter()
            async with session.post("/v1/notifications", json=body) as answer:
                await answer.read()
                faults += answer.status != 202
            if number >= load.uncounted:
                seconds.append(time.perf_counter() - began)

        await at_rate(load, call)
    return [each * 1000 for each in seconds], faults


def _example() -> dict[str, Any]:
    from ops.demo.story import examples

    return dict(examples()["order.shipped"])
