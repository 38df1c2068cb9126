import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import pytest
from confluent_kafka import Consumer

from schemas import topics
from streams.domain.notification import Priority
from tests.scenarios.system import ENDED, System, example, many, wait_until

DATA = example("order.delayed")


def killed(system: System, name: str) -> None:
    """kill -9, and wait until another one runs."""
    before = system.stack.pids()[name]
    system.stack.signal(name, signal.SIGKILL)
    wait_until(lambda: system.stack.pids().get(name) not in (None, before), what=f"{name} runs again")


def test_kill_9_of_a_sender_while_a_call_is_in_flight(system: System) -> None:
    who = system.recipient(webhook=system.hook("killed-in-flight"))
    system.script("killed-in-flight", [200], delay_ms=3_000)
    first = system.notify(who, channels=["webhook"])
    second = system.notify(who, channels=["webhook"])
    wait_until(lambda: len(system.webhooks("killed-in-flight")) == 1, what="the call is in flight")
    killed(system, "sender-webhook")
    assert system.ended(first, 60) == {"webhook": "delivered"}
    assert system.ended(second, 60) == {"webhook": "delivered"}
    calls = Counter(call["headers"]["webhook-id"] for call in system.webhooks("killed-in-flight"))
    # the call in flight may have reached the receiver: it comes twice at most, with the same id; the other one once
    assert sorted(calls.values()) == [1, 2]
    order = [call["headers"]["webhook-id"] for call in system.webhooks("killed-in-flight")]
    assert order[-1] != order[0], "the second comes after the first"


def killed_at(system: System, decided: Callable[[], int], mark: int, total: int) -> bool:
    """kill -9 of the router once more than `mark` are decided; whether that was before all of them were.

    Counted after the kill: what its successor has decided by then could only make it say no.
    """
    deadline = time.monotonic() + 60
    while (done := decided()) <= mark or "router" not in system.stack.pids():
        assert time.monotonic() < deadline, f"{done} decided, not {mark}"
        if done >= total:
            return False
        time.sleep(0.002)
    system.stack.signal("router", signal.SIGKILL)
    return decided() < total


@contextmanager
def decisions(system: System, group: str) -> Iterator[Callable[[], int]]:
    """How many decisions there are more than at the beginning."""
    reader = Consumer({"bootstrap.servers": system.stack.endpoints.kafka_bootstrap_servers, "group.id": group})
    begin = sum(system.ends(topics.DECISIONS, reader).values())
    try:
        yield lambda: sum(system.ends(topics.DECISIONS, reader).values()) - begin
    finally:
        reader.close()


def killed_in_a_backlog(system: System, recipients: Sequence[str], prefix: str) -> int:
    """20,000 for the router, which is killed while it works through them; how often. After it all have ended."""
    wait_until(lambda: system.api.get("/readyz").status == 200)
    system.stack.stop("router")
    system.produce(many(20_000, recipients, "newsletter.weekly", prefix, Priority.LOW))
    with decisions(system, prefix) as decided:
        starting = threading.Thread(target=lambda: system.stack.start("router"), daemon=True)
        starting.start()
        kills = sum(killed_at(system, decided, mark, 20_000) for mark in (500, 6_000, 12_000))
        starting.join(60)
    wait_until(
        lambda: sum(system.counts(prefix).values()) == 20_000, 120, what=f"all are known: {system.counts(prefix)}"
    )
    wait_until(
        lambda: set(system.counts(prefix)) <= {"sent", "suppressed"},
        180,
        what=f"all have ended: {system.counts(prefix)}",
    )
    assert system.counts(prefix) == {"suppressed": 15_000, "sent": 5_000}
    return kills


@pytest.mark.timeout(600)
def test_kill_9_of_the_router_while_it_works_through_a_backlog_of_20_000(system: System) -> None:
    prefix = f"backlog-{uuid4().hex[:8]}"
    silent = [system.recipient("muted") for _ in range(30)]
    for who in silent:
        system.api.put(f"/v1/recipients/{who}/preferences", {"choices": [{"wants": False}]}).ok()
    heard = [system.recipient("heard") for _ in range(10)]
    for backlogs in (1, 2, 3):  # a router can be done before the signal: only a kill in the middle proves anything
        if killed_in_a_backlog(system, silent + heard, f"{prefix}-{backlogs}"):
            break
    else:
        raise AssertionError("three times the router was done before it could be killed: a larger backlog is needed")
    got = Counter(mail["to"][0] for mail in system.mails() if mail["to"][0].startswith("heard-"))
    assert {got[f"{who}@example.com"] for who in heard} == {500 * backlogs}, (
        "duplicated records are recognised before the provider"
    )


@pytest.mark.timeout(300)
def test_kill_9_of_the_recorder_and_of_a_sender_under_load(system: System) -> None:
    prefix = f"load-{uuid4().hex[:8]}"
    who = [system.recipient("load") for _ in range(50)]
    feeding = threading.Thread(
        target=lambda: system.produce(many(3_000, who, "order.delayed", prefix, Priority.NORMAL)), daemon=True
    )
    feeding.start()
    for name in ("recorder", "sender-email", "recorder", "scheduler"):
        time.sleep(0.5)
        killed(system, name)
    feeding.join(60)
    wait_until(lambda: system.counts(prefix)["sent"] == 3_000, 180, what=f"all are sent: {system.counts(prefix)}")

    published = system.statuses_published(prefix)
    assert len(published) == 3_000
    for records in published.values():
        ends = {record["status"] for record in records if record["status"] in ENDED}
        assert ends == {"sent"}
    got = Counter(mail["to"][0] for mail in system.mails() if mail["to"][0].startswith("load-"))
    extra = sum(got.values()) - 3_000
    assert all(got[f"{name}@example.com"] >= 60 for name in who)
    assert 0 <= extra <= 50, "at most the calls that were in flight, one a lane, came twice"


@pytest.mark.timeout(300)
def test_kafka_stopped_and_started_under_load(system: System) -> None:
    who = [system.recipient("outage") for _ in range(20)]
    accepted: list[str] = []
    refused: list[float] = []
    over = threading.Event()

    def feed() -> None:
        number = 0
        while not over.is_set():
            began = time.monotonic()
            body = {"recipient_id": who[number % 20], "type": "order.delayed", "data": DATA, "channels": ["email"]}
            answer = system.api.post("/v1/notifications", body)
            if answer.status == 202:
                accepted.append(answer.body["notification_id"])
            else:
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
                refused.append(time.monotonic() - began)
            number += 1
            time.sleep(0.01)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    wait_until(lambda: len(accepted) > 50, what="load flows")
    system.stack.stop("kafka")
    wait_until(lambda: len(refused) >= 3, 30, what="the API says 503")
    system.stack.start("kafka")
    before = len(accepted)
    wait_until(lambda: len(accepted) > before + 50, 60, what="load flows again")
    over.set()
    feeder.join(30)

    assert max(refused) < 2.5, "503 came within 2 s"
    for identity in accepted:
        assert system.ended(identity, 90) == {"email": "sent"}
