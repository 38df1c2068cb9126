import base64
import json
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from schemas import topics
from streams.domain.notification import Channel, Notification, Priority
from tests.scenarios.system import CODEC, System, example, wait_until


def dead_letters(system: System, **wanted: Any) -> list[dict[str, Any]]:
    items = system.api.get("/v1/dead-letters?limit=200").ok()["items"]
    return [item for item in items if all(item.get(name) == value for name, value in wanted.items())]


def test_a_permanent_failure_is_dead_lettered_mended_redriven_and_delivered(system: System) -> None:
    who = system.recipient(email=f"reject-{uuid4().hex[:6]}@example.com")
    identity = system.notify(who, channels=["email"])
    assert system.ended(identity) == {"email": "dead_lettered"}
    (dead,) = wait_until(lambda: dead_letters(system, notification_id=identity), what="the dead letter is listed")
    assert dead["kind"] == "permanent"
    assert "550" in dead["reason"]

    system.api.put(f"/v1/recipients/{who}", {"addresses": {"email": f"{who}@example.com"}}).ok()
    redriven = system.api.post(f"/v1/dead-letters/{dead['dead_letter_id']}/redrive")
    assert redriven.status == 202
    wait_until(lambda: system.status(identity) == {"email": "sent"}, what="the redriven mail is sent")
    assert len(system.mails(who)) == 1
    assert system.api.post(f"/v1/dead-letters/{dead['dead_letter_id']}/redrive").status == 409


def test_what_filters_mean_is_redriven_over_http_first_as_a_dry_run(system: System) -> None:
    who = system.recipient(email=f"reject-{uuid4().hex[:6]}@example.com")
    identity = system.notify(who, channels=["email"])
    assert system.ended(identity) == {"email": "dead_lettered"}
    wait_until(lambda: dead_letters(system, notification_id=identity), what="the dead letter is listed")
    system.api.put(f"/v1/recipients/{who}", {"addresses": {"email": f"{who}@example.com"}}).ok()

    body = {"recipient_id": who, "channel": "email", "reason": "550"}
    dry = system.api.post("/v1/dead-letters/redrive", body).ok()
    assert (dry["dry_run"], dry["to_redrive"], dry["redriven"], dry["stats"]["total"]) == (True, 1, 0, 1)
    assert system.status(identity) == {"email": "dead_lettered"}
    done = system.api.post("/v1/dead-letters/redrive", {**body, "dry_run": False, "until": dry["until"]}).ok()
    assert (done["redriven"], done["left"]) == (1, 0)
    wait_until(lambda: system.status(identity) == {"email": "sent"}, what="the redriven mail is sent")
    assert len(system.mails(who)) == 1


def test_the_command_line_lists_shows_and_redrives(system: System) -> None:
    who = system.recipient(email=f"reject-{uuid4().hex[:6]}@example.com")
    identity = system.notify(who, channels=["email"])
    assert system.ended(identity) == {"email": "dead_lettered"}
    (dead,) = wait_until(lambda: dead_letters(system, notification_id=identity), what="the dead letter is listed")
    system.api.put(f"/v1/recipients/{who}", {"addresses": {"email": f"{who}@example.com"}}).ok()

    assert dead["dead_letter_id"] in tidings(system, "dead-letters", "ls", "--json")
    assert "550" in tidings(system, "dead-letters", "show", dead["dead_letter_id"])
    tidings(system, "dead-letters", "redrive", dead["dead_letter_id"])
    wait_until(lambda: system.status(identity) == {"email": "sent"}, what="the redriven mail is sent")
    assert "sent" in tidings(system, "status", identity)


def tidings(system: System, *words: str) -> str:
    """What the command prints."""
    return subprocess.run(
        [sys.executable, "-m", "ops.commands.main", *words],
        env={**system.stack.environment, "PATH": "", "COLUMNS": "200"},
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip


def test_the_command_line_counts_redrives_exports_and_drops_what_its_filters_mean(system: System) -> None:
    who = f"reject-{uuid4().hex[:6]}"
    system.recipient(email=f"{who}@example.com")
    kinds = ("order.shipped", "password.reset", "order.delayed")
    for kind in kinds:
        data = {"data": example(kind), "to": {"email": f"{who}@example.com"}, "channels": ["email"]}
        body = {"recipient_id": f"{who}-{kind}", "type": kind, **data}
        system.api.post("/v1/notifications", body).ok()
    of_kind = {kind: ("--recipient", f"{who}-{kind}") for kind in kinds}
    wait_until(lambda: all(told(system, "stats", *of_kind[kind])["total"] for kind in kinds), what="they are dead")

    kept, back, given_up = (of_kind[kind] for kind in kinds)
    dry = told(system, "redrive", *back)
    assert (dry["dry_run"], dry["to_redrive"], dry["redriven"]) == (True, 1, 0)
    assert told(system, "stats", *back)["state"] == [{"value": "waiting", "count": 1}]
    assert told(system, "redrive", *back, "--yes")["redriven"] == 1

    (line,) = tidings(system, "dead-letters", "export", *given_up).splitlines()
    exported = json.loads(line)
    assert exported["value"]["delivery_id"] == exported["delivery_id"]
    assert base64.b64decode(exported["value_base64"])[:2] == b"\xc3\x01"
    by_id = tidings(system, "dead-letters", "drop", exported["dead_letter_id"], "--because", "sent by hand")
    assert by_id == f"{exported['dead_letter_id']} would be dropped\n"
    dry = told(system, "drop", *given_up, "--because", "sent by hand")
    assert (dry["to_drop"], dry["dropped"]) == (1, 0)
    assert told(system, "drop", *given_up, "--because", "sent by hand", "--yes")["dropped"] == 1
    mark = told(system, "show", exported["dead_letter_id"])
    assert (mark["state"], mark["drop_reason"], mark["value_base64"]) == ("dropped", "sent by hand", None)
    assert told(system, "stats", *kept, "--waiting")["total"] == 1


def told(system: System, *words: str) -> Any:
    return json.loads(tidings(system, "dead-letters", *words, "--json"))


POISON = {
    "empty": b"",
    "no-avro": b"hello",
    "unknown-fingerprint": b"\xc3\x01" + b"\x99" * 8 + b"body",
    "truncated": CODEC.encode(
        "Notification",
        {"notification_id": "n", "recipient_id": "r", "type": "t", "priority": "low", "created_at": 1},
    )[:-9],
}


@pytest.mark.parametrize("case", POISON)
@pytest.mark.parametrize("stage", ["router", "sender"])
def test_a_poison_record_is_set_aside_with_its_raw_bytes_and_its_partition_goes_on(
    system: System, stage: str, case: str
) -> None:
    who, value = system.recipient(), POISON[case]
    priority = Priority.NORMAL
    topic = topics.notifications(priority) if stage == "router" else topics.deliveries(Channel.EMAIL, priority)
    producer = system.producer()
    producer.produce(topic, value, who)
    assert producer.flush(30) == 0
    after = system.notify(who, channels=["email"])
    assert system.ended(after) == {"email": "sent"}

    def found() -> list[dict[str, Any]]:
        return [
            letter
            for item in dead_letters(system, kind="poison", origin_topic=topic)
            if (letter := system.api.get(f"/v1/dead-letters/{item['dead_letter_id']}").ok())["key"] == who
        ]

    (letter,) = wait_until(found, what="the poison record is a dead letter")
    assert letter["reason"]
    assert base64.b64decode(letter["value_base64"] or "") == value


def test_a_notification_of_an_unknown_type_published_past_the_api_is_dead_lettered_with_the_reason(
    system: System,
) -> None:
    who, identity = system.recipient(), f"odd-{uuid4()}"
    system.produce([Notification(identity, who, "no.such.type", Priority.HIGH, 1)])
    (letter,) = wait_until(lambda: dead_letters(system, notification_id=identity), what="it is a dead letter")
    assert "no.such.type" in letter["reason"]
    assert system.explained(identity)["status"] == "dead_lettered"
