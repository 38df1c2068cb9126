"""May it still go out, and to which address?"""

import pytest
from msgspec.structs import replace

from streams.domain.address_mark import AddressMark, mark_key
from streams.domain.catalogue import Category, NotificationType
from streams.domain.delivery import Delivery
from streams.domain.delivery_status import Status
from streams.domain.failures import FailureKind
from streams.domain.last_veto import last_veto
from streams.domain.notification import Channel, Notification, Priority
from streams.domain.outcomes import DeadLetter, Drop
from streams.domain.preferences import Choice, Preference
from streams.domain.recipient import Recipient

NOW = 1_000_000
SHIPPED = NotificationType("order.shipped", "Shipped", Category("shipping", "Shipping"), (Channel.EMAIL,))
NEWS = NotificationType("news", "News", Category("marketing", "Marketing", commercial=True), (Channel.EMAIL,))
LOGIN = NotificationType("login", "Login", Category("security", "Security", required=True), (Channel.EMAIL,))
ADA = Recipient("ada", Preference("ada", 3), {"email": "ada@example.org"})
GONE = AddressMark("550 at envelope: no such mailbox", NOW - 1)


def marked(*addresses: str, channel: str = "email", of: str = "ada") -> Recipient:
    return replace(ADA, marks={mark_key(of, channel, each): GONE for each in addresses})


SUPPRESSED_BY_MARK = Drop(Status.SUPPRESSED, "address_marked: 550 at envelope: no such mailbox", "system")


def mail(**changes: object) -> Delivery:
    told = Notification("n1", "ada", "order.shipped", Priority.NORMAL, NOW - 5)
    return Delivery("d1", Channel.EMAIL, "", "shipping", "c", 1, "system", replace(told, **changes))


def wants(*choices: Choice, unsubscribed: bool = False) -> Recipient:
    return replace(ADA, preference=Preference("ada", 4, unsubscribed=unsubscribed, choices=choices))


@pytest.mark.parametrize(
    ("delivery", "kind", "recipient", "verdict"),
    [
        (mail(), SHIPPED, ADA, "ada@example.org"),
        (mail(expires_at=NOW + 1), SHIPPED, ADA, "ada@example.org"),
        (mail(expires_at=NOW), SHIPPED, ADA, Drop(Status.EXPIRED, "expires_at")),
        (mail(expires_at=NOW - 1), None, None, Drop(Status.EXPIRED, "expires_at")),
        (mail(), SHIPPED, None, Drop(Status.SUPPRESSED, "no_address", "system")),
        (mail(), SHIPPED, replace(ADA, addresses={"webhook": "https://x"}),
         Drop(Status.SUPPRESSED, "no_address", "system")),
        (mail(), SHIPPED, replace(ADA, addresses={"email": ""}), Drop(Status.SUPPRESSED, "no_address", "system")),
        (mail(to={"email": "new@example.org"}), SHIPPED, ADA, "new@example.org"),
        (mail(to={"email": "new@example.org"}), SHIPPED, None, "new@example.org"),
        (mail(to={"webhook": "https://x"}), SHIPPED, ADA, "ada@example.org"),
        (mail(), SHIPPED, marked("ada@example.org"), SUPPRESSED_BY_MARK),
        (mail(), LOGIN, marked("ada@example.org"), SUPPRESSED_BY_MARK),
        (mail(to={"email": "ada@example.org"}), SHIPPED, replace(marked("ada@example.org"), addresses={}),
         SUPPRESSED_BY_MARK),
        (mail(to={"email": "new@example.org"}), SHIPPED, marked("ada@example.org", "new@example.org"),
         SUPPRESSED_BY_MARK),
        (mail(to={"email": "new@example.org"}), SHIPPED, marked("ada@example.org"), "new@example.org"),
        (mail(), SHIPPED, marked("old@example.org"), "ada@example.org"),
        (mail(), SHIPPED, marked("ada@example.org", channel="webhook"), "ada@example.org"),
        (mail(), SHIPPED, marked("ada@example.org", of="ben"), "ada@example.org"),
        (mail(), SHIPPED, wants(Choice(False, category="shipping")),
         Drop(Status.SUPPRESSED, "category:shipping", "recipient")),
        (mail(to={"email": "new@example.org"}), SHIPPED, wants(Choice(False, channel="email")),
         Drop(Status.SUPPRESSED, "channel:email", "recipient")),
        (mail(), NEWS, wants(unsubscribed=True), Drop(Status.SUPPRESSED, "unsubscribed", "veto")),
        (mail(), SHIPPED, wants(unsubscribed=True), "ada@example.org"),
        (mail(), LOGIN, wants(Choice(False)), "ada@example.org"),
        (mail(to={"email": "new@example.org"}), LOGIN, replace(ADA, addresses={}, erased=True),
         Drop(Status.SUPPRESSED, "erased", "veto")),
    ],
)  # fmt: skip
def test_the_last_veto(
    delivery: Delivery, kind: NotificationType | None, recipient: Recipient | None, verdict: str | Drop
) -> None:
    assert last_veto(delivery, kind, recipient, NOW) == verdict


def test_a_type_that_left_the_catalogue_is_a_dead_letter_that_names_it() -> None:
    verdict = last_veto(mail(), None, ADA, NOW)
    assert isinstance(verdict, DeadLetter)
    assert verdict.failure.kind is FailureKind.PERMANENT
    assert "order.shipped" in verdict.failure.reason
    assert verdict.call is None
