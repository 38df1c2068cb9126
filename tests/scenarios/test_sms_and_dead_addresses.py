import json
import urllib.request
from typing import Any
from uuid import uuid4

from tests.scenarios.system import System, wait_until

TWILIO_NOT_VALID = "+15005550001"


def taken(system: System, number: str) -> list[dict[str, Any]]:
    """What the taker of SMS really got for this number."""
    site = f"{system.stack.endpoints.webhooks_url}api/sms?to={number.replace('+', '%2B')}"
    with urllib.request.urlopen(site, timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def marks(system: System, who: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = system.api.get(f"/v1/recipients/{who}").ok()["marks"]
    return told


def test_an_event_reaches_a_phone(system: System) -> None:
    number = f"+43660{uuid4().int % 10**8:08d}"
    who = system.recipient(sms=number)
    identity = system.notify(who, channels=["sms"])
    assert system.ended(identity) == {"sms": "sent"}
    [one] = taken(system, number)
    assert "HT-20418 is on its way" in one["body"]
    [attempt] = system.explained(identity)["deliveries"][0]["attempts"]
    assert (attempt["provider"], attempt["code"]) == ("twilio", "201")


def test_what_twilio_has_no_room_for_is_tried_later_and_then_is_a_dead_letter(system: System) -> None:
    who = system.recipient(sms="+15005550503")
    identity = system.notify(who, channels=["sms"])
    assert system.ended(identity, 60) == {"sms": "dead_lettered"}
    assert len(system.explained(identity)["deliveries"][0]["attempts"]) == 4
    assert marks(system, who) == []


def test_nobody_writes_twice_to_a_mailbox_that_does_not_exist_until_somebody_says_so(system: System) -> None:
    address = f"reject-{uuid4().hex[:6]}@example.com"
    who = system.recipient(email=address)
    first = system.notify(who, "order.delayed")
    assert system.ended(first) == {"email": "dead_lettered"}
    wait_until(lambda: marks(system, who), what="the address is marked")
    [mark] = marks(system, who)
    assert (mark["channel"], mark["own"]) == ("email", True)
    assert mark["reason"].startswith("550 at envelope")

    def suppressed() -> dict[str, Any]:
        """The cache is renewed by the outbox relay, a moment after the mark."""
        identity = system.notify(who, "password.reset", channels=["email"])
        told: dict[str, Any] = system.explained(identity)["deliveries"][0] if system.ended(identity) else {}
        return told if told["status"] == "suppressed" else {}

    told = wait_until(suppressed, what="what comes later is suppressed")
    assert told["attempts"] == []
    assert told["reason"] == f"address_marked: {mark['reason']}"

    assert system.api.call("DELETE", f"/v1/recipients/{who}/addresses/email/mark").status == 204
    again = system.notify(who, "order.delayed")
    assert system.ended(again) == {"email": "dead_lettered"}
    wait_until(lambda: marks(system, who), what="the address is marked again")
    system.api.put(f"/v1/recipients/{who}", {"addresses": {"email": f"{who}@example.com"}}).ok()
    assert marks(system, who) == []
    assert system.ended(system.notify(who, "order.delayed")) == {"email": "sent"}
    assert len(system.mails(who)) == 1


def test_an_endpoint_that_is_gone_and_a_number_that_is_not_valid_are_marked(system: System) -> None:
    gone = f"gone-{uuid4().hex[:6]}"
    who = system.recipient(webhook=system.hook(gone), sms=TWILIO_NOT_VALID)
    identity = system.notify(who, channels=["webhook", "sms"])
    assert system.ended(identity) == {"webhook": "dead_lettered", "sms": "dead_lettered"}
    wait_until(lambda: len(marks(system, who)) == 2, what="both are marked")

    def both_suppressed() -> bool:
        return set(system.ended(system.notify(who, channels=["webhook", "sms"])).values()) == {"suppressed"}

    wait_until(both_suppressed, what="both are suppressed")
    called = len(system.webhooks(gone))
    assert both_suppressed()
    assert len(system.webhooks(gone)) == called
