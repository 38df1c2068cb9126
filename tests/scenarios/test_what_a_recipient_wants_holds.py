import time
from datetime import UTC, datetime, timedelta

from tests.scenarios.system import System, wait_until


def test_an_opt_out_holds_within_a_second_of_its_acknowledgement(system: System) -> None:
    who = system.recipient()
    before = system.notify(who, "newsletter.weekly")
    assert system.ended(before) == {"email": "sent"}

    system.api.put(f"/v1/recipients/{who}/preferences", {"choices": [{"category": "marketing", "wants": False}]}).ok()
    time.sleep(1)  # the promise: one second after the acknowledgement
    after = system.notify(who, "newsletter.weekly")
    assert system.ended(after) == {"email": "suppressed"}

    (email,) = system.explained(after)["deliveries"]
    assert (email["layer"], email["rule"]) == ("recipient", "category:marketing")
    assert email["attempts"] == []
    assert len(system.mails(who)) == 1


def test_an_opt_out_also_stops_what_was_routed_before_it(system: System) -> None:
    who = system.recipient(webhook=system.hook("veto"))
    system.script("veto", [503, 503, 503])
    identity = system.notify(who, channels=["webhook"])
    # Asked of the receiver, not of the status: on a busy machine `retrying` can be over before the API tells of it.
    wait_until(lambda: system.webhooks("veto"), what="the first attempt failed")
    system.api.put(f"/v1/recipients/{who}/preferences", {"choices": [{"channel": "webhook", "wants": False}]}).ok()
    assert system.ended(identity) == {"webhook": "suppressed"}
    assert {call["status"] for call in system.webhooks("veto")} == {503}


def test_a_required_category_reaches_whoever_muted_everything(system: System) -> None:
    who = system.recipient()
    system.api.put(f"/v1/recipients/{who}/preferences", {"choices": [{"wants": False}], "unsubscribed": True}).ok()
    identity = system.notify(who, "password.reset")
    assert system.ended(identity) == {"email": "sent"}
    assert system.explained(identity)["deliveries"][0]["layer"] == "required"


def test_nothing_is_sent_after_it_expired(system: System) -> None:
    who = system.recipient(webhook=system.hook("late"))
    system.script("late", [503] * 10)
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    identity = system.notify(who, channels=["webhook"], expires_at=soon)
    assert system.ended(identity) == {"webhook": "expired"}
    calls = [datetime.fromisoformat(call["at"]) for call in system.webhooks("late")]
    assert calls
    assert max(calls) < datetime.fromisoformat(soon)
