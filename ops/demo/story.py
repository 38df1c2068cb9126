"""What the demo sends, to whom, and what should become of it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.demo.client import Client

PUBLISHER = Path(__file__).parents[1] / "examples" / "publish_without_tidings.py"


@dataclass(slots=True)
class Told:
    """One notification of the story. `expected`: the status each channel must reach."""

    way: str
    recipient: str
    type: str
    expected: dict[str, str]
    notification_id: str
    note: str = ""
    seen: dict[str, Any] = field(default_factory=dict)

    def statuses(self) -> dict[str, str]:
        return {each["channel"]: each["status"] for each in self.seen.get("deliveries", [])}

    @property
    def done(self) -> bool:
        return self.statuses() == self.expected


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story plays."""

    api: Client
    kafka: str
    webhooks_url: str
    environment: dict[str, str]


def set_up_recipients(stage: Stage) -> None:
    """Five people; one of them wants little, one has an address that nobody reads."""
    hook = f"{stage.webhooks_url.rstrip('/')}/hook"
    people = {
        "ada": {"addresses": {"email": "ada@example.com", "webhook": f"{hook}/fail-2-ada"}, "locale": "en"},
        "ben": {"addresses": {"email": "ben@example.com"}, "time_zone": "Europe/Vienna"},
        "chloe": {"addresses": {"email": "chloe@example.com"}},
        "dora": {"addresses": {"email": "dora@example.com"}},
        "emil": {"addresses": {"email": "reject-emil@example.com"}},
    }
    for name, told in people.items():
        stage.api.put(f"/v1/recipients/{name}", told).ok()
    # an earlier demo may have ended before emil's address was mended
    stage.api.call("DELETE", "/v1/recipients/emil/addresses/email/mark").ok()
    stage.api.put("/v1/recipients/dora/preferences", {"choices": [{"category": "marketing", "wants": False}]}).ok()


def tell(stage: Stage) -> Iterator[Told]:
    """Send, one after the other; each is yielded as soon as it is accepted."""
    data = examples()
    yield _by_http(
        stage, "ada", "order.shipped", data, {"email": "sent", "webhook": "delivered"}, "webhook fails twice"
    )
    yield _by_command(stage, "ben", "password.reset", data)
    yield _by_avro(stage, "chloe", "order.delayed", data)
    yield _by_http(stage, "dora", "newsletter.weekly", data, {"email": "suppressed"}, "has muted marketing")
    yield _by_http(stage, "dora", "password.reset", data, {"email": "sent"}, "security cannot be muted")
    yield _by_http(stage, "emil", "order.delayed", data, {"email": "sent"}, "address bounces, then mended")


def redrive_emil(stage: Stage, told: Told, say: Callable[[str], None]) -> None:
    """What an operator does: look at the dead letter, mend the cause, put it back to work."""
    dead = [d for d in stage.api.get("/v1/dead-letters").ok()["items"] if d["notification_id"] == told.notification_id]
    for letter in dead:
        if letter["redriven_at"] is None:
            say(f"dead letter {letter['dead_letter_id']}: {letter['reason']}")
            stage.api.put("/v1/recipients/emil", {"addresses": {"email": "emil@example.com"}}).ok()
            stage.api.post(f"/v1/dead-letters/{letter['dead_letter_id']}/redrive").ok()
            say("address mended, dead letter redriven")
            told.note = "address bounced, mended, redriven"


def _by_http(
    stage: Stage, recipient: str, kind: str, data: dict[str, Any], expected: dict[str, str], note: str
) -> Told:
    body = {"recipient_id": recipient, "type": kind, "data": data[kind]}
    if recipient == "emil" or kind == "password.reset":
        body["channels"] = ["email"]
    answer = stage.api.post("/v1/notifications", body).ok()
    return Told("HTTP API", recipient, kind, expected, answer["notification_id"], note)


def _by_command(stage: Stage, recipient: str, kind: str, data: dict[str, Any]) -> Told:
    made = _run(
        stage,
        "-m",
        "ops.commands.main",
        "publish",
        kind,
        "--recipient",
        recipient,
        "--data",
        json.dumps(data[kind]),
        "--json",
    )
    return Told(
        "tidings publish", recipient, kind, {"email": "sent"}, json.loads(made)["notification_id"], "high priority"
    )


def _by_avro(stage: Stage, recipient: str, kind: str, data: dict[str, Any]) -> Told:
    made = _run(stage, str(PUBLISHER), stage.kafka, recipient, kind, json.dumps(data[kind]))
    return Told("Avro to Kafka", recipient, kind, {"email": "sent"}, made.strip(), "none of our code, only the .avsc")


def _run(stage: Stage, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=stage.environment, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def examples() -> dict[str, Any]:
    """The example data of each type of the example catalogue."""
    folder = Path(__file__).parents[1] / "catalogue"
    return {path.parent.name: json.loads(path.read_text()) for path in folder.glob("*/example.json")}
