"""The rule of the other contenders concludes what the domain's concludes, and writes it in the same form."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.bench.router.contenders.plain_rule import Kind, PlainRule, Wish
from ops.bench.router.data import Mix, catalogue, notification_of, preference_of, recipient_id, traceparent_of
from ops.bench.router.filling import Notifications
from schemas.codec import Codec
from schemas.headers import ID, TRACE_PARENT
from schemas.records import decision_to_record, delivery_head, notification_to_record, preference_to_record
from streams.agents.router_topics import RouterTopics
from streams.domain.decision import Action, decide
from streams.domain.failures import Failure
from streams.domain.notification import Channel
from streams.domain.preferences import Choice, Preference, decide_delivery

TYPES = catalogue(10).types
TOPICS = RouterTopics.named("x.")
CODEC = Codec()

_names = st.sampled_from([*TYPES, "some.other"])
_categories = st.sampled_from(["shipping", "security", "billing", "social", "marketing", "other"])
_channels = st.none() | st.sampled_from([*map(str, Channel), "push"])
_choices = st.one_of(
    st.builds(Choice, st.booleans(), type=st.none() | _names, channel=_channels),
    st.builds(Choice, st.booleans(), category=st.none() | _categories, channel=_channels),
)


@given(st.lists(_choices, max_size=8), st.booleans(), st.sampled_from(list(TYPES)), st.sampled_from(list(Channel)))
def test_its_verdict_is_that_of_the_domain(
    choices: list[Choice], unsubscribed: bool, kind: str, channel: Channel
) -> None:
    wanted = Preference("ann", 1, unsubscribed=unsubscribed, choices=tuple(choices))
    wish = Wish(CODEC.decode("Preference", CODEC.encode("Preference", preference_to_record(wanted, 0))))
    verdict = decide_delivery(TYPES[kind], channel, wanted)
    for _ in range(2):  # anew, and remembered
        told = wish.verdicts.get((kind, channel)) or wish.verdict(Kind.of(TYPES[kind]), channel)
        assert told == (verdict.allowed, str(verdict.layer), verdict.rule)


def test_its_outputs_are_those_of_the_domain_for_all_that_is_measured() -> None:
    mix, maker = Mix(recipients=200), Notifications(Mix(recipients=200))
    wishes = {recipient_id(number): preference_of(mix, number) for number in range(200)}
    raw = {
        key.encode(): CODEC.encode("Preference", preference_to_record(wish, 0)) for key, wish in wishes.items() if wish
    }
    rule = PlainRule(catalogue(10), raw, TOPICS)
    for number in range(2_000):
        told = notification_of(mix, number)
        priority, value, key, headers = maker.made(number)
        stamps = rule.stamps()
        outputs = rule.outputs(TOPICS.notifications[priority], key, value, headers, stamps)
        wish = wishes[told.recipient_id] or Preference(told.recipient_id)
        decision = decide(told, catalogue(10), wish, stamps.now)
        assert not isinstance(decision, Failure)
        expected: list[tuple[str, dict[str, Any], str]] = [
            (
                TOPICS.deliveries[each.channel, priority],
                {**delivery_head(decision, at), "notification": notification_to_record(told)},
                each.delivery_id,
            )
            for at, each in enumerate(decision.channels)
            if each.action is Action.DELIVER
        ]
        expected.append((TOPICS.decisions, decision_to_record(decision), told.notification_id))
        assert [output.topic for output in outputs] == [topic for topic, _, _ in expected]
        for output, (topic, record, identity) in zip(outputs, expected, strict=True):
            assert CODEC.decode("Decision" if topic == TOPICS.decisions else "Delivery", output.value) == record
            assert dict(output.headers)[ID] == identity.encode()
            assert dict(output.headers)[TRACE_PARENT] == traceparent_of(number)


def test_what_has_expired_is_not_delivered() -> None:
    maker = Notifications(Mix(recipients=5))
    rule = PlainRule(catalogue(10), {}, TOPICS)
    priority, value, key, headers = maker.made(1, expires_at=1)
    [output] = rule.outputs(TOPICS.notifications[priority], key, value, headers, rule.stamps())
    decision = CODEC.decode("Decision", output.value)
    assert {each["action"] for each in decision["channels"]} == {"expire"}
    assert {each["rule"] for each in decision["channels"]} == {"expires_at"}
