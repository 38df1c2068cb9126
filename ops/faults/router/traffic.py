"""What is sent to the router under a fault, and what must come out of it.

What must come out is concluded by the domain's rule, once for each combination of wish and kind: no part of the router
is asked. Everything here is a value or a pure function.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from msgspec.structs import replace

from ops.faults.lanes import LANES, RECIPIENTS, Label, id_of
from schemas.codec import Codec
from schemas.records import decision_to_record, notification_to_record
from streams.domain.catalogue import Catalogue
from streams.domain.decision import Action, decide
from streams.domain.failures import Failure
from streams.domain.notification import Channel, Notification, Priority, delivery_id
from streams.domain.preferences import Choice, Preference

POISON, PERMANENT = "poison", "permanent"

WISHES: tuple[Preference | None, ...] = (
    None,
    Preference("", 1, choices=(Choice(False, channel="webhook"),)),
    Preference("", 2, choices=(Choice(False, category="shipping"),)),
    Preference("", 3, locale="de-AT", unsubscribed=True),
    Preference("", 4, choices=(Choice(False), Choice(True, type="order.delayed"))),
    Preference("", 5, locale="fr"),
)
"""What recipients want, in turn; None: the table does not know them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record that is sent. `weight`: how often, among the others. `spoil`: makes it poison."""

    type: str
    weight: int
    channels: tuple[str, ...] = ()
    expired: bool = False
    locale: str | None = None
    spoil: Callable[[bytes], bytes | None] | None = None


KINDS: tuple[Kind, ...] = (
    Kind("order.shipped", 400),
    Kind("order.delayed", 200),
    Kind("newsletter.weekly", 200),
    Kind("password.reset", 120, locale="en"),
    Kind("order.shipped", 50, channels=("webhook",)),
    Kind("order.delayed", 20, expired=True),
    Kind("no.such.type", 2),
    Kind("order.shipped", 2, spoil=lambda value: b"\x7f" + value),
    Kind("order.shipped", 2, spoil=lambda value: value[: len(value) // 2]),
    Kind("order.shipped", 1, spoil=lambda value: None),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What one input must cause. `dead`: the failure kind of its dead letter, and then nothing else.

    `decision` holds what every decision of this wish and kind has in common; `deliveries` the same by channel.
    """

    dead: str | None = None
    decision: dict[str, Any] | None = None
    deliveries: dict[Channel, dict[str, Any]] | None = None


def wish_of(lane: int) -> int:
    """Which of WISHES the recipient of this lane has."""
    return lane // len(Priority) % len(WISHES)


def preferences() -> list[Preference]:
    """Every preference that the table must hold."""
    recipients = dict.fromkeys(lane.recipient for lane in LANES)
    wishes = (WISHES[at % len(WISHES)] for at in range(RECIPIENTS))
    return [replace(wish, recipient_id=who) for who, wish in zip(recipients, wishes, strict=True) if wish]


def notification(label: Label, kind: Kind, created_at: int) -> Notification:
    """The notification of this label, always the same. `created_at`: milliseconds since 1970-01-01 UTC."""
    lane = LANES[label.lane]
    return Notification(
        id_of(label),
        lane.recipient,
        kind.type,
        lane.priority,
        created_at,
        data=json.dumps({"number": label.number, "order": f"{label.lane:04d}-{label.number:08d}", "text": "x" * 60}),
        tenant="shop" if label.number % 3 else None,
        expires_at=created_at - 1 if kind.expired else None,
        channels=kind.channels,
        locale=kind.locale,
        metadata={"lane": str(label.lane)},
    )


def value_of(label: Label, kind: Kind, created_at: int, codec: Codec) -> bytes | None:
    """The bytes that are sent."""
    made = codec.encode("Notification", notification_to_record(notification(label, kind, created_at)))
    return kind.spoil(made) if kind.spoil else made


class Rule:
    """What must come out, for one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.expected = cache(self._conclude)

    def of(self, label: Label, kind: int) -> Expected:
        """What input `label` of this kind must cause, save what differs from input to input."""
        return self.expected(wish_of(label.lane), kind)

    def _conclude(self, wish: int, number: int) -> Expected:
        kind = KINDS[number]
        if kind.spoil:
            return Expected(dead=POISON)
        now = 1_000_000
        sample = notification(Label(wish * len(Priority), 0), kind, now)
        preference = WISHES[wish] or Preference(sample.recipient_id)
        decided = decide(sample, self._catalogue, preference, now)
        if isinstance(decided, Failure):
            return Expected(dead=PERMANENT)
        record = decision_to_record(decided)
        same = ("type", "category", "catalogue_version", "preference_version", "channels")
        return Expected(
            decision={name: record[name] for name in same},
            deliveries={
                each.channel: {
                    "channel": str(each.channel),
                    "locale": decided.locale,
                    "category": decided.category,
                    "catalogue_version": decided.catalogue_version,
                    "preference_version": decided.preference_version,
                    "decided_by": str(each.layer),
                }
                for each in decided.channels
                if each.action is Action.DELIVER
            },
        )


def delivery_of(label: Label, channel: Channel) -> str:
    """The delivery id that this input must get on a channel."""
    return delivery_id(id_of(label), channel)
