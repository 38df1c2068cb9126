"""Which layer decides whether a delivery goes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.catalogue import Category, NotificationType
from streams.domain.notification import Channel
from streams.domain.preferences import Choice, Layer, Preference, Verdict, decide_delivery

SHIPPING = Category("shipping", "Shipping")
MARKETING = Category("marketing", "Marketing", commercial=True)
SECURITY = Category("security", "Security", required=True)
LEGAL = Category("legal", "Legal", required=True, commercial=True)

EMAIL, WEBHOOK = Channel.EMAIL, Channel.WEBHOOK


def kind(category: Category, name: str = "order.shipped") -> NotificationType:
    return NotificationType(name, "A type", category, (EMAIL, WEBHOOK))


def wishes(*choices: Choice, unsubscribed: bool = False) -> Preference:
    return Preference("ann", 3, choices=choices, unsubscribed=unsubscribed)


NO, YES = False, True


@pytest.mark.parametrize(
    ("category", "preference", "verdict"),
    [
        (SHIPPING, Preference("ann"), Verdict(True, Layer.SYSTEM, "default")),
        (SHIPPING, wishes(unsubscribed=True), Verdict(True, Layer.SYSTEM, "default")),
        (MARKETING, wishes(unsubscribed=True), Verdict(False, Layer.VETO, "unsubscribed")),
        (MARKETING, wishes(Choice(YES), unsubscribed=True), Verdict(False, Layer.VETO, "unsubscribed")),
        (MARKETING, wishes(Choice(YES)), Verdict(True, Layer.RECIPIENT, "everything")),
        (SECURITY, wishes(Choice(NO)), Verdict(True, Layer.REQUIRED, "category:security")),
        (LEGAL, wishes(Choice(NO), unsubscribed=True), Verdict(True, Layer.REQUIRED, "category:legal")),
        (SHIPPING, wishes(Choice(NO)), Verdict(False, Layer.RECIPIENT, "everything")),
        (SHIPPING, wishes(Choice(NO, channel="email")), Verdict(False, Layer.RECIPIENT, "channel:email")),
        (SHIPPING, wishes(Choice(NO, channel="webhook")), Verdict(True, Layer.SYSTEM, "default")),
        (SHIPPING, wishes(Choice(NO, category="marketing")), Verdict(True, Layer.SYSTEM, "default")),
        (SHIPPING, wishes(Choice(NO, type="order.paid")), Verdict(True, Layer.SYSTEM, "default")),
        (
            SHIPPING,
            wishes(Choice(NO, category="shipping", channel="email")),
            Verdict(False, Layer.RECIPIENT, "category:shipping+email"),
        ),
        (
            SHIPPING,
            wishes(Choice(NO, type="order.shipped", channel="email")),
            Verdict(False, Layer.RECIPIENT, "type:order.shipped+email"),
        ),
    ],
)
def test_the_first_layer_that_decides_wins(category: Category, preference: Preference, verdict: Verdict) -> None:
    assert decide_delivery(kind(category), EMAIL, preference) == verdict


SPECIFIC_FIRST = [
    Choice(YES, type="order.shipped", channel="email"),
    Choice(YES, type="order.shipped"),
    Choice(YES, category="shipping", channel="email"),
    Choice(YES, category="shipping"),
    Choice(YES, channel="email"),
    Choice(YES),
]


@pytest.mark.parametrize("at", range(len(SPECIFIC_FIRST)))
def test_the_most_specific_choice_wins_wherever_it_stands(at: int) -> None:
    winner = SPECIFIC_FIRST[at]
    others = [Choice(NO, each.type, each.category, each.channel) for each in SPECIFIC_FIRST[at + 1 :]]
    for place in range(len(others) + 1):
        choices = [*others[:place], winner, *others[place:]]
        verdict = decide_delivery(kind(SHIPPING), EMAIL, wishes(*choices))
        assert verdict == Verdict(True, Layer.RECIPIENT, winner.rule)


def test_of_two_choices_about_the_same_thing_the_later_one_counts() -> None:
    first, second = Choice(YES, category="shipping"), Choice(NO, category="shipping")
    assert not decide_delivery(kind(SHIPPING), EMAIL, wishes(first, second)).allowed
    assert decide_delivery(kind(SHIPPING), EMAIL, wishes(second, first)).allowed


TYPES = ["order.shipped", "order.paid"]
CATEGORIES = ["shipping", "marketing", "security"]
THINGS = st.sampled_from(
    [(None, None), *((name, None) for name in TYPES), *((None, category) for category in CATEGORIES)]
)


def choice_of(wants: bool, thing: tuple[str | None, str | None], channel: Channel | None) -> Choice:
    return Choice(wants, thing[0], thing[1], channel)


CHOICES = st.lists(st.builds(choice_of, st.booleans(), THINGS, st.sampled_from([None, *Channel])), max_size=8)
KINDS = st.builds(kind, st.sampled_from([SHIPPING, MARKETING, SECURITY, LEGAL]), st.sampled_from(TYPES))


def is_about(choice: Choice, told: NotificationType, channel: Channel) -> bool:
    return (
        choice.type in (None, told.name)
        and choice.category in (None, told.category.name)
        and choice.channel in (None, channel)
    )


@given(KINDS, st.sampled_from(Channel), CHOICES, st.booleans())
def test_required_is_always_allowed_and_an_unsubscribed_commercial_one_never(
    told: NotificationType, channel: Channel, choices: list[Choice], unsubscribed: bool
) -> None:
    verdict = decide_delivery(told, channel, wishes(*choices, unsubscribed=unsubscribed))
    if told.category.required:
        assert verdict.allowed
    elif told.category.commercial and unsubscribed:
        assert not verdict.allowed


@given(KINDS, st.sampled_from(Channel), CHOICES, st.booleans())
def test_choices_about_other_things_change_nothing(
    told: NotificationType, channel: Channel, choices: list[Choice], unsubscribed: bool
) -> None:
    fitting = [choice for choice in choices if is_about(choice, told, channel)]
    assert decide_delivery(told, channel, wishes(*choices, unsubscribed=unsubscribed)) == (
        decide_delivery(told, channel, wishes(*fitting, unsubscribed=unsubscribed))
    )


@given(KINDS, st.sampled_from(Channel), CHOICES)
def test_what_the_recipient_decides_is_the_wish_of_one_of_the_most_specific_choices(
    told: NotificationType, channel: Channel, choices: list[Choice]
) -> None:
    verdict = decide_delivery(told, channel, wishes(*choices))
    fitting = [choice for choice in choices if is_about(choice, told, channel)]
    if verdict.layer is Layer.RECIPIENT:
        named = [(c.type is not None, c.category is not None, c.channel is not None) for c in fitting]
        best = [choice for choice, names in zip(fitting, named, strict=True) if names == max(named)]
        assert (verdict.allowed, verdict.rule) == (best[-1].wants, best[-1].rule)
    else:
        assert told.category.required or not fitting
