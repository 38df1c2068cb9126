import json

from tests.scenarios.system import System, example


def test_a_webhook_that_answers_503_twice_is_delivered_once_and_in_order(system: System) -> None:
    who = system.recipient(webhook=system.hook("shaky"))
    system.script("shaky", [503, 503])
    sent = [
        system.notify(who, channels=["webhook"], data={**example("order.shipped"), "order": f"number-{i}"})
        for i in range(5)
    ]
    for identity in sent:
        assert system.ended(identity) == {"webhook": "delivered"}
    calls = system.webhooks("shaky")
    assert [call["status"] for call in calls] == [503, 503, 200, 200, 200, 200, 200]
    accepted = [json.loads(call["body"])["data"]["order"] for call in calls if call["status"] == 200]
    assert accepted == [f"number-{i}" for i in range(5)]
    ids = {call["headers"]["webhook-id"] for call in calls[:3]}
    assert len(ids) == 1, "the id is the same over all attempts of a delivery"

    attempts = system.explained(sent[0])["deliveries"][0]["attempts"]
    assert [attempt["code"] for attempt in attempts] == ["503", "503", "200"]


def test_a_mail_that_keeps_failing_ends_as_a_dead_letter_when_the_schedule_is_exhausted(system: System) -> None:
    who = system.recipient(email="defer-always@example.com")
    identity = system.notify(who, channels=["email"])
    assert system.ended(identity) == {"email": "dead_lettered"}
    (email,) = system.explained(identity)["deliveries"]
    assert len(email["attempts"]) == 4  # the first, one in its lane, one in each of two tiers
    assert {attempt["failure_kind"] for attempt in email["attempts"]} == {"transient"}
