"""What is delivered: made from numbers, so that every run and every contender has the same to do."""

import json
from pathlib import Path
from typing import Any

from schemas.headers import Headers, cloud_event
from schemas.records import notification_to_record
from streams.domain.notification import Channel, Notification, Priority, delivery_id

CATALOGUE = Path(__file__).with_name("catalogue")
TYPE = "order.shipped"
RECIPIENTS = 1_000
SECRET = "whsec_" + "dGlkaW5ncyBiZW5jaCwgbm90IGEgc2VjcmV0IG9mIGFueWJvZHk="
"""Signs the webhooks of the measurements, which never leave this machine."""

MAIL_FROM = "Harbour & Tide <orders@shop.example.com>"
BASE_MS = 1_700_000_000_000

SOURCE = "/tidings/bench"

_EVENT = "tidings.delivery"
_NAMES = ("Amina", "Bo & Søren", "Chidi", "Dörte", "Emre", "Françoise", "Goran", "Hana")
_GOODS = ("Enamel storm lantern", "Waxed cotton apron", "Copper kettle <small>", "Felt slippers", "Oak stool")


def recipient_id(number: int) -> str:
    """Of delivery `number`."""
    return f"user-{number * 7919 % RECIPIENTS}"


def mail_address(number: int, priority: Priority) -> str:
    """One of its own for each delivery: at the sink it tells which delivery came, and of which priority."""
    return f"{priority[0]}.{number}@example.com"


def values(number: int) -> dict[str, Any]:
    """Twelve variables and a list of three."""
    return {
        "order_number": f"HT-{20_000 + number}",
        "first_name": _NAMES[number % len(_NAMES)],
        "carrier": "Northern Parcel",
        "placed_on": "24 November 2026",
        "expected_on": "27 November 2026",
        "street": f"{1 + number % 90} Quay Street",
        "city": "Exampleton",
        "tracking_url": f"https://track.example.com/parcels/NP{number}?lang=en&from=mail",
        "tracking_number": f"NP 7731 {number:08d}",
        "total": "94.50 EUR",
        "shop_name": "Harbour & Tide",
        "support_address": "help@shop.example.com",
        "items": [
            {"name": _GOODS[(number + at) % len(_GOODS)], "quantity": 1 + at, "price": f"{12 + at}.50 EUR"}
            for at in range(3)
        ],
    }


def notification_of(
    channel: Channel, number: int, created_at: int, priority: Priority = Priority.NORMAL, url: str = ""
) -> Notification:
    """Notification `number` to one channel. `created_at`: ms since 1970 UTC; `url`: where a webhook goes."""
    address = mail_address(number, priority) if channel is Channel.EMAIL else f"{url}/{priority[0]}.{number}"
    moment = f"{BASE_MS + number:012x}"
    return Notification(
        f"{moment[:8]}-{moment[8:]}-7000-8000-{number:012x}",
        recipient_id(number),
        TYPE,
        priority,
        created_at,
        data=json.dumps(values(number), ensure_ascii=False),
        to={str(channel): address},
        channels=(str(channel),),
        metadata={"source": "orders"},
    )


def delivery_of(
    channel: Channel, number: int, created_at: int, priority: Priority = Priority.NORMAL, url: str = ""
) -> dict[str, Any]:
    """The record of the delivery that a router makes of it."""
    told = notification_of(channel, number, created_at, priority, url)
    return {
        "delivery_id": delivery_id(told.notification_id, channel),
        "channel": str(channel),
        "locale": "en",
        "category": "shipping",
        "catalogue_version": "b3a4c1e09d7f5522",
        "preference_version": 1,
        "decided_by": "system",
        "notification": notification_to_record(told),
    }


def headers_of(record: dict[str, Any]) -> Headers:
    """Those a router gives it."""
    return cloud_event(record["delivery_id"], _EVENT, SOURCE, record["notification"]["created_at"])
