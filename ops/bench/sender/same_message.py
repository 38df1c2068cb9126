"""Did two contenders send the same? Messages as the sink got them, read by the standard library."""

import json
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from streams.domain.notification import Channel

_HEADERS = ("Message-ID", "From", "To", "Subject", "X-Tidings-Delivery-Id", "X-Tidings-Notification-Id")


def differences(channel: Channel, ours: Mapping[int, bytes], theirs: Mapping[int, bytes]) -> tuple[int, list[str]]:
    """(messages compared, what differs): of the deliveries that both have."""
    read = read_mail if channel is Channel.EMAIL else read_webhook
    both = sorted(ours.keys() & theirs.keys())
    return len(both), [f"delivery {number}" for number in both if read(ours[number]) != read(theirs[number])]


def read_mail(raw: bytes) -> Mapping[str, str]:
    """Headers that matter and both texts, without the line breaks at their ends. Dots are not stuffed any more."""
    content = raw.replace(b"\r\n..", b"\r\n.") + b"\r\n"
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    told = {name: str(message[name]) for name in _HEADERS}
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        told[kind] = body.get_content().strip() if body is not None else ""
    return told


def read_webhook(raw: bytes) -> Mapping[str, Any]:
    """Its id and what its body says; signature and time differ from call to call."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    return {"id": headers[b"webhook-id"], "signed": b"webhook-signature" in headers, "body": json.loads(body)}
