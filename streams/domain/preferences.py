"""What a recipient wants, and which layer decides whether a delivery goes out.

The first layer that decides wins: veto, required, recipient, tenant, system. Within the recipient's own choices the
most specific one wins: type + channel, type, category + channel, category, channel, everything.
"""

from dataclasses import dataclass
from enum import StrEnum

from streams.domain.catalogue import Category, NotificationType
from streams.domain.notification import Channel
from streams.domain.value import Value


class Layer(StrEnum):
    VETO = "veto"
    REQUIRED = "required"
    RECIPIENT = "recipient"
    TENANT = "tenant"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Choice:
    """Names at most one of type and category, and a channel or none. Nothing named: everything."""

    wants: bool
    type: str | None = None
    category: str | None = None
    channel: str | None = None

    @property
    def rule(self) -> str:
        """The choice in words for a decision: `category:marketing+email`, `channel:email`, `everything`."""
        what = f"type:{self.type}" if self.type else f"category:{self.category}" if self.category else ""
        if not self.channel:
            return what or "everything"
        return f"{what}+{self.channel}" if what else f"channel:{self.channel}"


class Preference(Value, frozen=True):
    """What one recipient wants; `version` rises with every change, 0: nothing is known of the recipient."""

    recipient_id: str
    version: int = 0
    locale: str | None = None
    time_zone: str | None = None
    unsubscribed: bool = False
    choices: tuple[Choice, ...] = ()


class Verdict(Value, frozen=True):
    """Whether a delivery may go out, and which rule of which layer said so."""

    allowed: bool
    layer: Layer
    rule: str


_DEFAULT = Verdict(True, Layer.SYSTEM, "default")


def decide_delivery(kind: NotificationType, channel: Channel, preference: Preference) -> Verdict:
    """May this type reach this recipient on this channel? Asked by the router, and again as last veto."""
    category = kind.category
    if preference.unsubscribed and category.commercial and not category.required:
        return Verdict(False, Layer.VETO, "unsubscribed")
    if category.required:
        return Verdict(True, Layer.REQUIRED, f"category:{category.name}")
    chosen = _most_specific(preference.choices, kind.name, category, channel)
    if chosen is not None:
        return Verdict(chosen.wants, Layer.RECIPIENT, chosen.rule)
    return _DEFAULT


def _most_specific(choices: tuple[Choice, ...], kind: str, category: Category, channel: Channel) -> Choice | None:
    best, best_weight = None, 0
    for choice in choices:
        if choice.type not in (None, kind) or choice.category not in (None, category.name):
            continue
        if choice.channel not in (None, channel):
            continue
        weight = 1 + 4 * (choice.type is not None) + 2 * (choice.category is not None) + (choice.channel is not None)
        if weight >= best_weight:  # of two choices about the same thing the later one counts
            best, best_weight = choice, weight
    return best
