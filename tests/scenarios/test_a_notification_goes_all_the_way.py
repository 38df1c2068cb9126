import json
import subprocess
import sys
import threading
from pathlib import Path
from uuid import uuid4

from standardwebhooks import Webhook

from streams.domain.notification import Priority
from tests.scenarios.system import System, example, many, wait_until

DATA = json.dumps(example("order.delayed"))
EXAMPLES = Path(__file__).parents[2] / "ops" / "examples"


def test_an_event_reaches_the_mailbox_and_the_webhook_and_its_status_comes_back(system: System) -> None:
    who = system.recipient(email="happy@example.com", webhook=system.hook("happy"))
    identity = system.notify(who)
    assert system.ended(identity) == {"email": "sent", "webhook": "delivered"}

    (mail,) = [m for m in system.mails() if "happy@example.com" in m["to"]]
    assert mail["subject"]
    (call,) = system.webhooks("happy")
    body = json.loads(call["body"])
    assert (body["type"], body["data"]) == ("order.shipped", example("order.shipped"))
    Webhook(system.stack.environment["TIDINGS_WEBHOOK_SECRET"]).verify(call["body"], call["headers"])

    told = system.explained(identity)
    email = next(d for d in told["deliveries"] if d["channel"] == "email")
    assert (email["layer"], email["rule"]) == ("system", "default")
    assert email["attempts"][0]["provider"] == "smtp"


def test_the_same_id_twice_is_one_notification(system: System) -> None:
    who = system.recipient()
    body = {"recipient_id": who, "type": "order.shipped", "data": example("order.shipped"), "channels": ["email"]}
    body["notification_id"] = str(uuid4())
    answers = [system.api.post("/v1/notifications", body) for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 202]
    assert [answer.headers.get("idempotent-replay") for answer in answers] == [None, "true", "true"]
    assert system.api.post("/v1/notifications", {**body, "locale": "de"}).status == 409
    assert system.ended(body["notification_id"]) == {"email": "sent"}
    after = system.notify(who, "order.delayed", channels=["email"])
    assert system.ended(after) == {"email": "sent"}
    assert len(system.mails(who)) == 2


def test_a_record_published_twice_by_another_service_is_sent_once(system: System) -> None:
    who = system.recipient()
    twice = [*many(1, [who], "order.delayed", f"twice-{who}", Priority.NORMAL)] * 2
    system.produce(twice)
    last = system.notify(who, "order.delayed", channels=["email"])
    assert system.ended(last) == {"email": "sent"}
    wait_until(lambda: system.counts(f"twice-{who}")["sent"] == 1, what="the twin is sent")
    assert len(system.mails(who)) == 2


def test_a_service_without_our_code_publishes_and_another_team_follows_the_status(system: System) -> None:
    servers = system.stack.endpoints.kafka_bootstrap_servers
    who = system.recipient()
    follower = subprocess.Popen(
        [sys.executable, str(EXAMPLES / "follow_delivery_status.py"), servers, f"team-{who}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        subprocess.run(
            [sys.executable, str(EXAMPLES / "publish_without_tidings.py"), servers, who, "order.delayed", DATA],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        seen: list[str] = []
        assert follower.stdout
        lines = follower.stdout
        threading.Thread(target=lambda: seen.extend(iter(lines.readline, "")), daemon=True).start()
        wait_until(lambda: any(f"{who} email sent" in line for line in seen), what="the follower sees it sent")
    finally:
        follower.kill()
        follower.wait()
        if follower.stdout:
            follower.stdout.close()
    assert len(system.mails(who)) == 1
