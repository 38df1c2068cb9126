"""What the router is measured with."""

from msgspec.structs import replace

from ops.bench.router.data import (
    Mix,
    catalogue,
    notification_of,
    number_of,
    preference_of,
    recipient_id,
    traceparent_of,
)
from streams.domain.decision import Action, Decision, decide
from streams.domain.failures import Failure
from streams.domain.notification import Notification, Priority
from streams.domain.preferences import Layer, Preference

MIX = Mix()
NOW = 1_800_000_000_000


def decided(notification: Notification, mix: Mix = MIX) -> Decision:
    number = int(notification.recipient_id.removeprefix("user-"))
    wish = preference_of(mix, number) or Preference(notification.recipient_id)
    decision = decide(notification, catalogue(mix.types), wish, NOW)
    assert not isinstance(decision, Failure)
    return decision


def test_the_same_number_makes_the_same_and_another_number_another() -> None:
    made = [notification_of(MIX, number) for number in range(2_000)]
    assert made == [notification_of(MIX, number) for number in range(2_000)]
    assert len({each.notification_id for each in made}) == 2_000


def test_a_notification_causes_about_one_and_a_half_deliveries() -> None:
    decisions = [decided(notification_of(MIX, number)) for number in range(5_000)]
    delivered = sum(each.action is Action.DELIVER for one in decisions for each in one.channels)
    assert 1.4 < delivered / len(decisions) < 1.6


def test_every_layer_and_every_kind_of_choice_decides_somewhere() -> None:
    told = [each for n in range(5_000) for each in decided(notification_of(MIX, n)).channels]
    assert {each.layer for each in told} == {Layer.VETO, Layer.REQUIRED, Layer.RECIPIENT, Layer.SYSTEM}
    kinds = {each.rule.partition(":")[0] + ("+" if "+" in each.rule else "") for each in told}
    assert kinds >= {"channel", "category", "category+", "type", "type+", "everything", "default", "unsubscribed"}


def test_every_priority_and_every_optional_field_occurs() -> None:
    made = [notification_of(MIX, number) for number in range(1_000)]
    assert {each.priority for each in made} == set(Priority)
    for field in ("tenant", "expires_at", "channels", "locale"):
        assert {bool(getattr(each, field)) for each in made} == {True, False}, field


def test_recipients_are_told_about_equally_often() -> None:
    counts = dict.fromkeys(range(10), 0)
    for number in range(10_000):
        counts[int(notification_of(Mix(recipients=10), number).recipient_id.removeprefix("user-"))] += 1
    assert min(counts.values()) > 900


def test_what_is_known_of_a_recipient_and_how_much_people_differ_are_shares() -> None:
    def wishes(mix: Mix) -> list[Preference | None]:
        return [preference_of(mix, number) for number in range(2_000)]

    assert 350 < sum(wish is None for wish in wishes(Mix(unknown=0.2))) < 450
    assert None not in wishes(Mix(unknown=0))
    kinds = [{replace(wish, recipient_id="", version=0) for wish in wishes(Mix(unknown=0, unlike=share)) if wish}
             for share in (0.0, 0.1, 1.0)]  # fmt: skip
    assert len(kinds[0]) < 200
    assert len(kinds[0]) + 100 < len(kinds[1]) < len(kinds[0]) + 300
    assert len(kinds[2]) == 2_000


def test_a_trace_tells_which_notification_it_belongs_to() -> None:
    for number in (0, 1, 77, 10_000_000):
        trace = traceparent_of(number)
        assert number_of(trace) == number
        assert [len(part) for part in trace.split(b"-")] == [2, 32, 16, 2]


def test_a_catalogue_has_as_many_types_as_asked_for_and_notifications_are_of_them() -> None:
    types = catalogue(1_000).types
    assert len(types) == 1_000
    assert {notification_of(Mix(types=1_000), number).type for number in range(20_000)} == types.keys()
    assert recipient_id(3) == "user-3"
