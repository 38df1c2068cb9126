"""Thousands of dead letters go back to work while live deliveries on the same channel go on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from schemas import topics
from schemas.records import notification_to_record
from streams.domain.notification import Priority, delivery_id
from tests.scenarios.system import CODEC, System, many, wait_until

COUNT, RATE = 2_000, 200
LIVE_A_SECOND = 40
REFUSED = 400  # for a webhook: permanent


@dataclass(slots=True)
class Live:
    """High priority webhooks at an even rate, and how long each took from created_at to its receiver."""

    system: System
    name: str = field(default_factory=lambda: f"live-{uuid4().hex[:6]}")
    people: list[str] = field(default_factory=list)
    begun: dict[str, int] = field(default_factory=dict)
    producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        self.producer = self.system.producer()
        self.people = [self.system.recipient(webhook=self.system.hook(self.name)) for _ in range(20)]

    def go_on(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        begin, count = time.monotonic(), 0
        while not stop.wait(max(0.0, begin + count / LIVE_A_SECOND - time.monotonic())):
            who, identity = self.people[count % len(self.people)], f"{self.name}-{uuid4()}"
            (made,) = many(1, [who], "order.shipped", identity, Priority.HIGH)
            self.begun[delivery_id(made.notification_id, "webhook")] = made.created_at
            value = CODEC.encode("Notification", notification_to_record(replace(made, channels=("webhook",))))
            self.producer.produce(topics.notifications(made.priority), value, who)
            self.producer.poll(0)
            count += 1
        assert self.producer.flush(30) == 0

    def times(self) -> list[float]:
        """Seconds, in rising order, of all that were begun; waits until they have arrived."""

        def arrived() -> dict[str, dict[str, Any]]:
            got = {each["headers"]["webhook-id"]: each for each in self.system.webhooks(self.name)}
            return got if set(self.begun) <= set(got) else {}

        got = wait_until(arrived, what="every live webhook has arrived")
        took = [datetime.fromisoformat(got[each]["at"]).timestamp() - at / 1000 for each, at in self.begun.items()]
        self.begun.clear()
        return sorted(took)


def p99(times: list[float]) -> float:
    return times[int(len(times) * 0.99)]


def for_seconds(live: Live, seconds: float) -> list[float]:
    stop = threading.Event()
    threading.Timer(seconds, stop.set).start()
    live.go_on(stop)
    return live.times()


def made_dead(system: System, name: str, count: int) -> str:
    """So many webhooks that their receiver refuses for good; the moment before they died."""
    began = datetime.now(UTC).isoformat()
    people = [system.recipient(webhook=system.hook(name)) for _ in range(50)]
    system.script(name, [REFUSED] * count)
    system.produce(
        replace(each, channels=("webhook",)) for each in many(count, people, "order.shipped", name, Priority.HIGH)
    )
    wait_until(lambda: waiting(system, began) == count, seconds=120, what="all of them are dead letters that wait")
    return began


def waiting(system: System, since: str) -> int:
    query = urlencode({"state": "waiting", "reason": REFUSED, "since": since})
    return int(system.api.get(f"/v1/dead-letters/stats?{query}").ok()["total"])


def redrive(system: System, since: str, rate: int) -> "subprocess.Popen[str]":
    words = ["dead-letters", "redrive", "--reason", str(REFUSED), "--since", since, "--rate", str(rate)]
    return subprocess.Popen(
        [sys.executable, "-m", "ops.commands.main", *words, "--yes", "--json"],
        env={**os.environ, **system.stack.environment},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.timeout(300)
def test_a_bulk_redrive_that_is_killed_and_run_again_moves_no_live_delivery_and_sends_nothing_twice(
    system: System,
) -> None:
    name = f"bulk-{uuid4().hex[:6]}"
    since = made_dead(system, name, COUNT)
    live = Live(system)
    for_seconds(live, 2)  # warm
    idle = p99(for_seconds(live, 8))

    stop = threading.Event()
    going_on = threading.Thread(target=live.go_on, args=[stop])
    going_on.start()
    try:
        killed = redrive(system, since, RATE)
        wait_until(lambda: waiting(system, since) < COUNT * 0.7, what="a part of them went back")
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=10)
        left = waiting(system, since)
        again = redrive(system, since, RATE)
        told = json.loads(again.communicate(timeout=120)[0])
    finally:
        stop.set()
        going_on.join()
    busy = p99(live.times())

    assert 0 < left < COUNT * 0.7
    assert (told["redriven"], told["left"], waiting(system, since)) == (left, 0, 0)

    def all_sent() -> bool:
        return sum(1 for call in system.webhooks(name) if call["status"] == 200) >= COUNT

    wait_until(all_sent, seconds=60, what="all of them are sent")
    sent = Counter(call["headers"]["webhook-id"] for call in system.webhooks(name) if call["status"] == 200)
    ids = {delivery_id(f"{name}-{number:07d}", "webhook") for number in range(COUNT)}
    assert set(sent) == ids, "each with the id it had"
    assert set(sent.values()) == {1}, "what the killed one published without noting it was recognised"
    wait_until(lambda: system.counts(name) == {"delivered": COUNT}, what="and its status says so")
    assert busy <= max(2 * idle, 0.15), f"p99 of live webhooks: {idle * 1000:.0f} ms idle, {busy * 1000:.0f} ms"
