"""Deliveries, records and a catalogue for the tests of the sender."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.delivery.assignment import Assignment
from connectors.delivery.incoming import Record
from connectors.delivery.policy import PRIORITIES, SenderPolicy
from connectors.unavailable import SomeUnavailable, Unavailable
from schemas import topics
from schemas.codec import Codec
from schemas.delivery_reader import DeliveryReader
from schemas.records import notification_to_record
from streams.domain.catalogue import Catalogue, Category, NotificationType, OnAmbiguous
from streams.domain.delivery import Delivery, Message
from streams.domain.notification import Channel, Notification, Priority, delivery_id
from streams.domain.preferences import Preference
from streams.domain.recipient import Recipient
from streams.domain.retry_schedule import RetrySchedule

CODEC = Codec()
READER = DeliveryReader(CODEC)
SCHEDULE = RetrySchedule.parse("100ms,300ms,1s")

_SHIPPING = Category("shipping", "Shipping")
_MARKETING = Category("marketing", "Marketing", commercial=True)
_BOTH = (Channel.EMAIL, Channel.WEBHOOK)
CATALOGUE = Catalogue(
    "c1",
    {
        kind.name: kind
        for kind in (
            NotificationType("order.shipped", "Shipped", _SHIPPING, _BOTH),
            NotificationType("login.code", "Code", _SHIPPING, _BOTH, on_ambiguous=OnAmbiguous.HOLD),
            NotificationType("news", "News", _MARKETING, _BOTH),
        )
    },
)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def delivery(recipient: str = "ada", number: int = 1, channel: Channel = Channel.EMAIL, **changes: Any) -> Delivery:
    """Number `number` of a recipient, created now. `changes` are of the notification."""
    values: dict[str, Any] = {
        "notification_id": f"{recipient}-{number}",
        "recipient_id": recipient,
        "type": "order.shipped",
        "priority": Priority.NORMAL,
        "created_at": now_ms(),
        "data": json.dumps({"number": number}),
        **changes,
    }
    told = Notification(**values)
    made = delivery_id(told.notification_id, channel)
    return Delivery(made, channel, "", "shipping", "c1", 0, "system", told)


def encoded(value: Delivery) -> bytes:
    """As the router writes it."""
    head = {
        name: getattr(value, name)
        for name in ("delivery_id", "locale", "category", "catalogue_version", "preference_version", "decided_by")
    }
    told = notification_to_record(value.notification)
    return CODEC.encode("Delivery", {**head, "channel": str(value.channel), "notification": told})


def claim_key(value: Delivery, redrives: int = 0) -> bytes:
    return f"{value.delivery_id}:{redrives}".encode()


def recipient(name: str = "ada", **changes: Any) -> Recipient:
    """Known, with an e-mail address and a webhook of its own."""
    addresses = {"email": f"{name}@example.org", "webhook": f"https://{name}.example.org/"}
    return Recipient(**{"recipient_id": name, "preference": Preference(name, 1), "addresses": addresses, **changes})


def compose(value: Delivery, address: str, attempt: int) -> Message:
    told = value.notification
    parts = {"text": str(json.loads(told.data)["number"])}
    return Message(value.delivery_id, told.notification_id, told.type, address, parts, told.created_at, attempt)


def policy(**changes: Any) -> SenderPolicy:
    values: dict[str, Any] = {
        "bootstrap_servers": "127.0.0.1:1",
        "channel": Channel.EMAIL,
        "schedule": SCHEDULE,
        "instance": "one",
    }
    return SenderPolicy(**{**values, **changes})


class EveryRecipient:
    """A port Recipients: everybody is known, unless named otherwise in `told` (None: unknown).

    `uncached`: those that cannot be looked up now, while the others can.
    """

    def __init__(self) -> None:
        self.told: dict[str, Recipient | None] = {}
        self.uncached: set[str] = set()
        self.away = False

    async def find(self, recipient_ids: Sequence[str]) -> Mapping[str, Recipient]:
        away = Unavailable("postgresql", "away")
        if self.away or self.uncached.issuperset(recipient_ids):
            raise away
        found = {each: self.told.get(each, recipient(each)) for each in recipient_ids if each not in self.uncached}
        known = {each: one for each, one in found.items() if one is not None}
        if self.uncached.intersection(recipient_ids):
            raise SomeUnavailable(away, known)
        return known


@dataclass
class Came:
    """A consumed message as the client hands it over."""

    at_topic: str
    at_offset: int = 0
    at_partition: int = 0
    with_key: bytes | None = b"ada"
    with_value: bytes | None = b""
    with_headers: list[tuple[str, bytes]] = field(default_factory=list)

    def topic(self) -> str:
        return self.at_topic

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int:
        return self.at_offset

    def key(self) -> bytes | None:
        return self.with_key

    def value(self) -> bytes | None:
        return self.with_value

    def headers(self) -> list[tuple[str, bytes]]:
        return self.with_headers


def main_record(value: Delivery, offset: int = 0, **changes: Any) -> Record:
    """Fresh from its main topic, decoded, in an assignment of its own."""
    topic = topics.deliveries(value.channel, value.notification.priority)
    key = value.notification.recipient_id.encode()
    came = Came(topic, offset, 0, key, encoded(value), **changes)
    source = PRIORITIES.index(value.notification.priority)
    owned: Assignment[Record] = Assignment({(number, 0): 0 for number in range(5)}, owner=b"me")
    made = Record(owned, came, source)
    owned.track(made)
    made.decode(READER, value.channel)
    return made
