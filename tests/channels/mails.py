"""Messages for the tests of channels."""

from typing import Any

from msgspec.structs import replace

from streams.domain.delivery import Message

MAIL = Message(
    delivery_id="0b0f6a2e-1c1d-5222-8333-444455556666",
    notification_id="0199aaaa-0000-7000-8000-000000000001",
    type="order.shipped",
    address="ada.lovelace@example.com",
    parts={"subject": "Order CANARY-7", "html": "<p>Hello CANARY-HTML</p>", "text": "Hello CANARY-TEXT"},
    created_at=1_795_000_000_000,
    attempt=1,
)

WEBHOOK = replace(
    MAIL,
    address="https://hooks.example.com/in/CANARY-PATH?token=CANARY-QUERY",
    parts={
        "body": '{"type":"order.shipped","timestamp":"2026-11-18T11:06:40.000Z","data":{"name":"CANARY \\"Ada\\""}}'
    },
)

SMS = replace(MAIL, address="+436601234567", parts={"text": "CANARY Ada, your order is on its way"})


def mail(**changes: Any) -> Message:
    """A mail, changed."""
    return replace(MAIL, **changes)


def to(number: int) -> Message:
    """A mail to one of many."""
    return mail(address=f"n{number}@example.com")


def webhook(**changes: Any) -> Message:
    """A webhook, changed."""
    return replace(WEBHOOK, **changes)


def sms(**changes: Any) -> Message:
    """An SMS, changed."""
    return replace(SMS, **changes)
