"""What is sent to the senders under a fault, and how each of it must end. Values and pure functions.

What must come of a delivery is said here in plain words, of its kind and its recipient: no part of the sender is asked.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ops.faults.lanes import LANES, RECIPIENTS, Label, id_of
from ops.faults.plain_avro import PlainAvro
from ops.wiring.shared import EXAMPLE_CATALOGUE
from streams.domain.notification import Channel, delivery_id

SCHEDULE = "400ms,1s,2s,4s,8s"
"""Of the senders under test: six attempts, three of them within the first 3 s. A busy recipient needs three more."""

OPTED_OUT, NO_ADDRESS = 7, 8  # the last digit of a recipient's number
BUSY, NEVER, NO = "busy", "never", "no"
FINE = "fine"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of delivery. `weight`: how often, among the others.

    `word`: given inline, its address begins with it and makes the provider answer accordingly; "": the recipient's own.
    `held`: its type says hold, so it never comes twice. `spoil`: makes it poison.
    """

    type: str
    weight: int
    word: str = ""
    held: bool = False
    expired: bool = False
    spoil: Callable[[bytes], bytes | None] | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """`ends`: the terminal statuses of which it must have one; none: it cannot have a status. `arrives`: that end means
    that the provider took it. `dead`: by end, the kind of its dead letter (`""`: of what has no status)."""

    ends: frozenset[str]
    arrives: str = ""
    dead: tuple[tuple[str, str], ...] = ()


POISON: tuple[Kind, ...] = (
    Kind("order.shipped", 2, spoil=lambda value: b"\x7f" + value),
    Kind("order.shipped", 2, spoil=lambda value: value[: len(value) // 2]),
    Kind("order.shipped", 1, spoil=lambda value: None),
)
_REFUSED: tuple[Kind, ...] = (
    Kind("order.shipped", 20, BUSY),
    Kind("order.shipped", 6, NO),
    Kind("order.shipped", 1, NEVER),
    Kind("order.shipped", 10, expired=True),
    Kind("no.such.type", 2),
)
KINDS: dict[Channel, tuple[Kind, ...]] = {
    Channel.EMAIL: (
        Kind("order.shipped", 600),
        Kind("order.delayed", 200),
        Kind("newsletter.weekly", 150, held=True),
        *_REFUSED,
        *POISON,
    ),
    Channel.WEBHOOK: (Kind("order.shipped", 950), *_REFUSED, *POISON),
}
_SENT = {Channel.EMAIL: "sent", Channel.WEBHOOK: "delivered"}
_HELD_BACK = ("unknown", "ambiguous")
_SUPPRESSED = Expected(frozenset({"suppressed"}))
_AVRO = PlainAvro("Notification", "Delivery")


def person(lane: int) -> int:
    """The number of a lane's recipient."""
    return lane * RECIPIENTS // len(LANES)


@cache
def expected(channel: Channel, digit: int, number: int) -> Expected:
    """How kind `number` must end for recipients whose number ends with `digit`."""
    kind, sent = KINDS[channel][number], _SENT[channel]
    if kind.spoil:
        return Expected(frozenset(), dead=(("", "poison"),))
    if kind.expired:
        return Expected(frozenset({"expired"}))
    if kind.type == "no.such.type":
        return Expected(frozenset({"dead_lettered", "unknown"}), dead=(("dead_lettered", "permanent"), _HELD_BACK))
    if digit == OPTED_OUT or (digit == NO_ADDRESS and not kind.word):
        # claimed by a process that died before it looked the recipient up: nobody knows that it was never called
        return Expected(frozenset({"suppressed", "unknown"}), dead=(_HELD_BACK,)) if kind.held else _SUPPRESSED
    if kind.word in (NO, NEVER):
        why = "permanent" if kind.word == NO else "exhausted"
        return Expected(frozenset({"dead_lettered"}), dead=(("dead_lettered", why),))
    if kind.held:
        return Expected(frozenset({sent, "unknown"}), sent, (_HELD_BACK,))
    return Expected(frozenset({sent}), sent)


def expected_of(channel: Channel, label: Label, number: int) -> Expected:
    """How this delivery, of kind `number`, must end."""
    return expected(channel, person(label.lane) % 10, number)


def address(channel: Channel, base: str, word: str, recipient: str) -> str:
    """Where a provider finds a recipient. `base`: the provider's URL, for webhooks."""
    return f"{word}.{recipient}@example.com" if channel is Channel.EMAIL else f"{base}/{word}.{recipient}"


def mark_of(label: Label) -> str:
    """The order's number: it stands in the content."""
    return f"{label.lane:04d}-{label.number:08d}"


@cache
def _example(kind: str) -> dict[str, Any]:
    folder = Path(EXAMPLE_CATALOGUE) / kind
    told: dict[str, Any] = json.loads((folder / "example.json").read_text()) if folder.exists() else {}
    return told


def delivery(channel: Channel, base: str, label: Label, kind: Kind, created_at: int) -> dict[str, Any]:
    """The record, always the same for the same arguments. `created_at`: milliseconds since 1970-01-01 UTC."""
    lane, identity = LANES[label.lane], id_of(label)
    inline = {str(channel): address(channel, base, kind.word, lane.recipient)} if kind.word else None
    return {
        "delivery_id": delivery_id(identity, channel),
        "channel": str(channel),
        "locale": "en",
        "category": "shipping",
        "catalogue_version": "faults",
        "preference_version": 0,
        "decided_by": "system",
        "notification": {
            "notification_id": identity,
            "recipient_id": lane.recipient,
            "type": kind.type,
            "priority": str(lane.priority),
            "tenant": "shop" if label.number % 3 else None,
            "created_at": created_at,
            "expires_at": created_at - 1 if kind.expired else None,
            "send_at": None,
            "channels": [str(channel)],
            "locale": None,
            "dedupe_key": None,
            "cancellation_key": None,
            "data": json.dumps({**_example(kind.type), "order_number": mark_of(label)}),
            "to": inline,
            "metadata": {},
        },
    }


def value_of(channel: Channel, base: str, label: Label, kind: Kind, created_at: int) -> bytes | None:
    """The bytes that are sent."""
    made = _AVRO.write(delivery(channel, base, label, kind, created_at))
    return kind.spoil(made) if kind.spoil else made
