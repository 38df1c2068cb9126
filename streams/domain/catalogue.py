"""What an operator keeps in Git: types, categories and templates, as one immutable, hashed version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streams.domain.notification import Channel, Priority


class OnAmbiguous(StrEnum):
    """What to do with a call that may have reached the provider before its process died."""

    RESEND = "resend"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Category:
    """What a recipient can mute. `required`: it cannot be muted. `commercial`: one-click unsubscribe mutes it."""

    name: str
    title: str
    required: bool = False
    commercial: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """The words of one type on one channel, as Liquid sources by part: subject, html, text and layout for e-mail."""

    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NotificationType:
    """One kind of notification, such as order.shipped.

    `ordered`: its deliveries wait for older ones of their recipient. If not, each is a lane of its own.
    """

    name: str
    title: str
    category: Category
    channels: tuple[Channel, ...]
    priority: Priority = Priority.NORMAL
    on_ambiguous: OnAmbiguous = OnAmbiguous.RESEND
    ordered: bool = True
    templates: Mapping[Channel, Template] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`version` is a hash of all that was loaded: the same files, the same version."""

    version: str
    types: Mapping[str, NotificationType]
