"""One notification on one channel, as a sender receives it and as a provider is asked to carry it."""

from collections.abc import Mapping

from streams.domain.notification import Channel, Notification
from streams.domain.value import Value


class Delivery(Value, frozen=True):
    """To be carried out: who, what, and what decided it."""

    delivery_id: str
    channel: Channel
    locale: str
    category: str
    catalogue_version: str
    preference_version: int
    decided_by: str
    notification: Notification


class Message(Value, frozen=True):
    """What a provider gets: one address and the rendered parts (e-mail: subject, html, text; webhook: body; SMS: text).

    Times are ms since 1970 UTC. Whoever can hold a message back (a phone that is off) is told `expires_at`.
    """

    delivery_id: str
    notification_id: str
    type: str
    address: str
    parts: Mapping[str, str]
    created_at: int
    attempt: int
    expires_at: int | None = None
