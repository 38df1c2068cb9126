"""GET /v1/notifications/{id}: what became of one."""

from datetime import UTC, datetime

import pytest

from connectors.http.states import Attempt, DeliveryState, NotificationState
from streams.domain.delivery_status import Status, overall
from tests.http.api import World

PATH = "/v1/notifications"
THEN = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


async def test_accepted_and_not_recorded_yet(world: World) -> None:
    asked = {"recipient_id": "ada", "type": "password.reset", "to": {"email": "ada@example.com"}}
    identity = (await world.post(PATH, asked)).body["notification_id"]
    told = (await world.get(f"{PATH}/{identity}")).body
    assert (told["status"], told["deliveries"], told["recipient_id"]) == ("accepted", [], "ada")
    assert (told["type"], told["priority"], told["created_at"]) == ("password.reset", "high", "2027-01-15T08:00:00Z")


async def test_recorded_with_its_deliveries_and_attempts(world: World) -> None:
    attempt = Attempt(THEN, "smtp", 12.5, "250", None, None, "MAIL", "250 ok", 1, 0, "m1")
    delivery = DeliveryState(
        "d1", "email", "sent", "system", "default", None, 1, 0, "smtp", "m1", None, THEN, [attempt]
    )
    world.notifications.recorded["n1"] = NotificationState(
        "n1", "sent", "ada", "order.shipped", "normal", "shipping", None, THEN, THEN, "v1", 3, [delivery]
    )
    told = (await world.get(f"{PATH}/n1")).body
    assert (told["status"], told["decided_at"]) == ("sent", "2026-01-02T03:04:05.678000Z")
    (shown,) = told["deliveries"]
    assert (shown["channel"], shown["layer"], shown["rule"], shown["attempts_count"]) == (
        "email",
        "system",
        "default",
        1,
    )
    assert shown["attempts"][0] == {
        "started_at": "2026-01-02T03:04:05.678000Z",
        "provider": "smtp",
        "duration_ms": 12.5,
        "code": "250",
        "failure_kind": None,
        "reason": None,
        "request": "MAIL",
        "response": "250 ok",
        "attempt": 1,
        "redrives": 0,
        "provider_message_id": "m1",
    }


async def test_a_status_recorded_before_its_decision_is_joined_with_what_was_accepted(world: World) -> None:
    asked = {"recipient_id": "ada", "type": "order.shipped", "to": {"email": "ada@example.com"}}
    identity = (await world.post(PATH, asked)).body["notification_id"]
    delivery = DeliveryState("d1", "email", "sent", None, None, None, 1, 0, None, None, None, THEN, [])
    world.notifications.recorded[identity] = NotificationState(identity, "sent", "ada", deliveries=[delivery])
    told = (await world.get(f"{PATH}/{identity}")).body
    assert (told["status"], told["type"], len(told["deliveries"])) == ("sent", "order.shipped", 1)


@pytest.mark.parametrize(
    ("deliveries", "word"),
    [
        ([], Status.ACCEPTED),
        ([Status.SENT], Status.SENT),
        ([Status.SENT, Status.RETRYING], Status.RETRYING),
        ([Status.DELIVERED, Status.QUEUED, Status.RETRYING], Status.QUEUED),
        ([Status.DEAD_LETTERED, Status.DELIVERED], Status.DELIVERED),
        ([Status.BOUNCED, Status.SENT], Status.SENT),
        ([Status.SUPPRESSED, Status.DEAD_LETTERED], Status.DEAD_LETTERED),
        ([Status.SUPPRESSED, Status.SUPPRESSED], Status.SUPPRESSED),
        ([Status.HELD, Status.SUPPRESSED], Status.HELD),
    ],
)
def test_one_word_for_all_deliveries(deliveries: list[Status], word: Status) -> None:
    assert overall(deliveries) is word


@pytest.mark.parametrize("status", Status)
def test_every_status_alone_is_its_own_word(status: Status) -> None:
    assert overall([status]) is status
