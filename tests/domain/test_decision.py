"""What the router concludes for one notification."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.catalogue import Catalogue, Category, NotificationType
from streams.domain.decision import Action, ChannelDecision, Decision, decide
from streams.domain.failures import Failure, FailureKind
from streams.domain.notification import Channel, Notification, Priority, delivery_id
from streams.domain.preferences import Choice, Layer, Preference

NOW = 1_795_500_203_465
EMAIL, WEBHOOK = Channel.EMAIL, Channel.WEBHOOK
SHIPPED = NotificationType("order.shipped", "Shipped", Category("shipping", "Shipping"), (EMAIL, WEBHOOK))
LOGIN = NotificationType("login.new", "Login", Category("security", "Security", required=True), (EMAIL,))
CATALOGUE = Catalogue("v7", {each.name: each for each in (SHIPPED, LOGIN)})


def told(**changes: Any) -> Notification:
    values: dict[str, Any] = {
        "notification_id": "n-1",
        "recipient_id": "ann",
        "type": "order.shipped",
        "priority": Priority.NORMAL,
        "created_at": NOW - 5,
    }
    return Notification(**{**values, **changes})


def decided(preference: Preference = Preference("ann"), **changes: Any) -> Decision:  # noqa: B008  # frozen
    decision = decide(told(**changes), CATALOGUE, preference, NOW)
    assert isinstance(decision, Decision), decision
    return decision


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "no.such"}, "type: the catalogue has no type 'no.such'"),
        ({"channels": ("email", "pigeon")}, "channels: there is no channel 'pigeon'"),
        ({"send_at": NOW + 1}, "send_at: sending later is not supported yet"),
    ],
)
def test_what_can_never_be_carried_out_is_a_permanent_failure(changes: dict[str, Any], reason: str) -> None:
    assert decide(told(**changes), CATALOGUE, Preference("ann"), NOW) == Failure(FailureKind.PERMANENT, reason)


def test_a_decision_says_what_decided_it() -> None:
    preference = Preference("ann", 4, choices=(Choice(False, channel="email"),))
    assert decided(preference) == Decision(
        told(),
        "shipping",
        "",
        "v7",
        4,
        NOW,
        (
            ChannelDecision(EMAIL, delivery_id("n-1", "email"), Action.SUPPRESS, Layer.RECIPIENT, "channel:email"),
            ChannelDecision(WEBHOOK, delivery_id("n-1", "webhook"), Action.DELIVER, Layer.SYSTEM, "default"),
        ),
    )


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ((), (EMAIL, WEBHOOK)),
        (("webhook",), (WEBHOOK,)),
        (("webhook", "email"), (WEBHOOK, EMAIL)),
        (("email", "webhook", "email"), (EMAIL, WEBHOOK)),
    ],
)
def test_channels_are_those_that_are_asked_for_else_those_of_the_type_each_once(
    asked: tuple[str, ...], got: tuple[Channel, ...]
) -> None:
    assert tuple(each.channel for each in decided(channels=asked).channels) == got


@pytest.mark.parametrize(
    ("expires_at", "action"),
    [
        (None, Action.DELIVER),
        (NOW + 1, Action.DELIVER),
        (NOW, Action.EXPIRE),
        (NOW - 1, Action.EXPIRE),
    ],
)
def test_from_the_moment_it_expires_it_is_not_delivered(expires_at: int | None, action: Action) -> None:
    assert [each.action for each in decided(expires_at=expires_at).channels] == [action, action]


def test_what_has_expired_is_expired_whatever_the_recipient_wants() -> None:
    preference = Preference("ann", 1, choices=(Choice(False),))
    for each in decided(preference, expires_at=NOW).channels:
        assert (each.action, each.layer, each.rule) == (Action.EXPIRE, Layer.SYSTEM, "expires_at")


@pytest.mark.parametrize("send_at", [None, NOW - 1, NOW])
def test_a_time_that_has_come_is_no_reason_to_wait(send_at: int | None) -> None:
    assert {each.action for each in decided(send_at=send_at).channels} == {Action.DELIVER}


@pytest.mark.parametrize(
    ("own", "preferred", "got"), [("de-AT", "fr", "de-AT"), (None, "fr", "fr"), (None, None, ""), ("de", None, "de")]
)
def test_the_locale_is_the_notifications_else_the_recipients(own: str | None, preferred: str | None, got: str) -> None:
    assert decided(Preference("ann", 1, locale=preferred), locale=own).locale == got


@given(st.text(), st.sampled_from(Channel))
def test_a_delivery_id_is_a_uuid_5_and_the_same_whoever_computes_it(notification_id: str, channel: Channel) -> None:
    made = delivery_id(notification_id, channel)
    assert made == delivery_id(notification_id, channel.value)
    namespace = uuid.UUID("9d1c7c1e-3c5f-5d0a-8a1b-6f4b0a2f7d11")
    assert made == str(uuid.uuid5(namespace, f"{notification_id}/{channel.value}"))


@given(
    st.sampled_from([*CATALOGUE.types]),
    st.lists(st.sampled_from([*Channel]), max_size=3),
    st.none() | st.integers(NOW - 2, NOW + 2),
    st.booleans(),
    st.lists(st.builds(Choice, st.booleans(), channel=st.none() | st.sampled_from([*Channel])), max_size=3),
)
def test_every_channel_ends_in_exactly_one_action_for_one_reason(
    kind: str, channels: list[str], expires_at: int | None, unsubscribed: bool, choices: list[Choice]
) -> None:
    preference = Preference("ann", 3, unsubscribed=unsubscribed, choices=tuple(choices))
    decision = decided(preference, type=kind, channels=tuple(channels), expires_at=expires_at)
    assert decision == decided(preference, type=kind, channels=tuple(channels), expires_at=expires_at)
    names = [each.channel for each in decision.channels]
    assert names
    assert len(set(names)) == len(names)
    assert len({each.delivery_id for each in decision.channels}) == len(names)
    for each in decision.channels:
        assert each.action in (Action.DELIVER, Action.SUPPRESS, Action.EXPIRE)
        assert each.rule
        assert (each.action is Action.EXPIRE) == (expires_at is not None and expires_at <= NOW)
        assert kind != "login.new" or each.action is not Action.SUPPRESS
