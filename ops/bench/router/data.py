"""What is sent and who wants what: made from numbers, so that every run and every process sees the same."""

from dataclasses import dataclass
from enum import IntEnum

from streams.domain.catalogue import Catalogue, Category, NotificationType
from streams.domain.notification import Channel, Notification, Priority
from streams.domain.preferences import Choice, Preference

BASE_MS = 1_700_000_000_000
"""When the first notification was created: milliseconds since 1970-01-01 UTC."""

_FAR_MS = 4_102_444_800_000  # nothing expires while it is measured
_EMAIL, _WEBHOOK = Channel.EMAIL, Channel.WEBHOOK
_CATEGORIES = {
    "shipping": Category("shipping", "Orders and deliveries"),
    "security": Category("security", "Account and security", required=True),
    "billing": Category("billing", "Invoices and payments"),
    "social": Category("social", "People you follow"),
    "marketing": Category("marketing", "News and offers", commercial=True),
}
_TYPES: tuple[tuple[str, str, tuple[Channel, ...], Priority], ...] = (
    ("password.reset", "security", (_EMAIL,), Priority.HIGH),
    ("order.shipped", "shipping", (_EMAIL, _WEBHOOK), Priority.NORMAL),
    ("order.delayed", "shipping", (_EMAIL, _WEBHOOK), Priority.NORMAL),
    ("order.delivered", "shipping", (_EMAIL, _WEBHOOK), Priority.NORMAL),
    ("invoice.ready", "billing", (_EMAIL, _WEBHOOK), Priority.NORMAL),
    ("payment.failed", "billing", (_EMAIL, _WEBHOOK), Priority.HIGH),
    ("comment.new", "social", (_EMAIL, _WEBHOOK), Priority.NORMAL),
    ("follower.new", "social", (_EMAIL, _WEBHOOK), Priority.LOW),
    ("newsletter.weekly", "marketing", (_EMAIL,), Priority.LOW),
    ("offer.daily", "marketing", (_EMAIL, _WEBHOOK), Priority.LOW),
)
_CHOICES: tuple[tuple[Choice, ...], ...] = (
    *((),) * 6,
    (Choice(False, channel="webhook"),),
    (Choice(False, channel="email"),),
    (Choice(False, category="marketing"),),
    (Choice(False, category="marketing"), Choice(False, category="social")),
    (Choice(False, category="marketing", channel="email"), Choice(False, category="shipping", channel="webhook")),
    (Choice(False, type="follower.new"),),
    (Choice(False, type="comment.new", channel="email"), Choice(False, category="marketing")),
    (Choice(False), Choice(True, category="shipping"), Choice(True, type="invoice.ready", channel="email")),
    (Choice(False, channel="webhook"), Choice(True, category="shipping", channel="webhook")),
    (),  # unsubscribed
)
_64_BITS = (1 << 64) - 1
_DRAWS = 9
_UNSUBSCRIBED = len(_CHOICES) - 1
_PLACES = (
    ("en-GB", "Europe/London"), ("en-US", "America/New_York"), ("en-US", "America/Chicago"), ("de-DE", "Europe/Berlin"),
    ("de-AT", "Europe/Vienna"), ("fr-FR", "Europe/Paris"), ("it-IT", "Europe/Rome"), (None, None),
)  # fmt: skip


class _Salt(IntEnum):
    """What is drawn for each number; an enum, so that no two draws are the same."""

    WISH, UNLIKE, PLACE, TYPE, FIELDS, RECIPIENT, ID, TRACE, UNKNOWN = range(9)


@dataclass(frozen=True, slots=True)
class Mix:
    """How much of what.

    Shares of the recipients: of `unknown` there is no preference, the preference of `unlike` is like nobody else's.
    """

    recipients: int = 1_000
    types: int = 10
    unknown: float = 0.2
    unlike: float = 0.0


def catalogue(types: int) -> Catalogue:
    """So many types in five categories, on one or two channels each, without templates: the router reads none."""
    made = {}
    for number in range(types):
        _, category, channels, priority = _TYPES[number % len(_TYPES)]
        name = type_name(number)
        made[name] = NotificationType(name, name, _CATEGORIES[category], channels, priority)
    return Catalogue("b3a4c1e09d7f5522", made)


def type_name(number: int) -> str:
    """The name of type `number` of a catalogue."""
    name, again = _TYPES[number % len(_TYPES)][0], number // len(_TYPES)
    return f"{name}.{again}" if again else name


def recipient_id(number: int) -> str:
    return f"user-{number}"


def preference_of(mix: Mix, number: int) -> Preference | None:
    """What recipient `number` wants; None: nothing is known."""
    if _happens(number, _Salt.UNKNOWN, mix.unknown):
        return None
    at = _mixed(number, _Salt.WISH) % len(_CHOICES)
    choices = _CHOICES[at]
    if _happens(number, _Salt.UNLIKE, mix.unlike):
        choices = (*choices, Choice(False, type=f"thread.{number}"))
    locale, zone = _PLACES[_mixed(number, _Salt.PLACE) % len(_PLACES)]
    return Preference(recipient_id(number), 1 + number % 5, locale, zone, at == _UNSUBSCRIBED, choices)


def notification_of(mix: Mix, number: int) -> Notification:
    """Notification `number`; its priority is that of its type."""
    of_type = _mixed(number, _Salt.TYPE) % mix.types
    chance = _mixed(number, _Salt.FIELDS)
    return Notification(
        notification_id_of(number),
        recipient_id(_mixed(number, _Salt.RECIPIENT) % mix.recipients),
        type_name(of_type),
        _TYPES[of_type % len(_TYPES)][3],
        BASE_MS + number,
        data=_DATA.replace("#", str(number)),
        tenant=f"shop-{chance % 7}" if chance % 3 == 0 else None,
        expires_at=_FAR_MS if chance % 5 == 0 else None,
        channels=("email",) if chance % 20 == 1 else (),
        locale="en" if chance % 16 == 2 else None,
        metadata={"source": "orders"},
    )


_DATA = (
    '{"order":"HT-#","carrier":"Northern Parcel","items":[{"name":"Lantern","quantity":1},'
    '{"name":"Apron","quantity":2}],"url":"https://shop.example.com/orders/HT-#"}'
)


def notification_id_of(number: int) -> str:
    """As a UUIDv7; its last twelve digits are the number."""
    moment = f"{BASE_MS + number:012x}"
    return f"{moment[:8]}-{moment[8:]}-7{_mixed(number, _Salt.ID) % 4096:03x}-8000-{number:012x}"


def traceparent_of(number: int) -> bytes:
    """A trace of its own for each notification; `number_of` reads it back."""
    return b"00-%08x%024x-%016x-01" % (_mixed(number, _Salt.TRACE) >> 32, number, number + 1)


def number_of(traceparent: bytes) -> int:
    """Which notification caused a record that carries this trace."""
    return int(traceparent[11:35], 16)


def _happens(number: int, what: int, share: float) -> bool:
    return _mixed(number, what) % 10_000 < share * 10_000


def _mixed(number: int, what: int) -> int:
    """Spread evenly over 64 bits, the same for ever, and independent for each `what`: the finisher of splitmix64."""
    x = (number * _DRAWS + what) * 0x9E3779B97F4A7C15 & _64_BITS
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & _64_BITS
    x = (x ^ x >> 27) * 0x94D049BB133111EB & _64_BITS
    return x ^ x >> 31
