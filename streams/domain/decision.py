"""What the router concludes for one notification: per channel deliver, suppress or expire, and why."""

from collections.abc import Iterable
from enum import StrEnum

from streams.domain.catalogue import Catalogue, NotificationType
from streams.domain.failures import Failure, FailureKind
from streams.domain.notification import Channel, Notification, delivery_id
from streams.domain.preferences import Layer, Preference, decide_delivery
from streams.domain.value import Value


class Action(StrEnum):
    DELIVER = "deliver"
    HOLD = "hold"
    SUPPRESS = "suppress"
    EXPIRE = "expire"


class ChannelDecision(Value, frozen=True):
    channel: Channel
    delivery_id: str
    action: Action
    layer: Layer
    rule: str
    until: int | None = None


class Decision(Value, frozen=True):
    """One per notification. `decided_at` in milliseconds since 1970-01-01 UTC; preference_version 0: none was known.

    `ordered`: as its type says. It decides the lanes of the deliveries, and is not told to anybody.
    """

    notification: Notification
    category: str
    locale: str
    catalogue_version: str
    preference_version: int
    decided_at: int
    channels: tuple[ChannelDecision, ...]
    ordered: bool = True

    def key_of(self, chosen: ChannelDecision) -> bytes:
        """The key of a delivery in Kafka: whatever has the same one is sent one after the other."""
        return (self.notification.recipient_id if self.ordered else chosen.delivery_id).encode()


def decide(notification: Notification, catalogue: Catalogue, preference: Preference, now: int) -> Decision | Failure:
    """Conclude for one notification. `now`: ms since 1970 UTC. Failure: it can never be carried out as it is."""
    kind = catalogue.types.get(notification.type)
    if kind is None:
        return Failure(FailureKind.PERMANENT, f"type: the catalogue has no type {notification.type!r}")
    unknown = unknown_channels(notification.channels)
    if unknown:
        return Failure(FailureKind.PERMANENT, f"channels: there is no channel {unknown[0]!r}")
    if notification.send_at is not None and notification.send_at > now:
        return Failure(FailureKind.PERMANENT, "send_at: sending later is not supported yet")
    expired = notification.expires_at is not None and notification.expires_at <= now
    return Decision(
        notification,
        kind.category.name,
        notification.locale or preference.locale or "",
        catalogue.version,
        preference.version,
        now,
        tuple(_for_channel(notification, kind, channel, preference, expired) for channel in wanted(notification, kind)),
        kind.ordered,
    )


def unknown_channels(names: Iterable[str]) -> list[str]:
    """Those of the names that are no channel of ours."""
    return [name for name in names if name not in Channel.__members__.values()]


def wanted(notification: Notification, kind: NotificationType) -> tuple[Channel, ...]:
    """The channels to decide on: those the notification names, else those of its type; each once."""
    return tuple(dict.fromkeys(map(Channel, notification.channels))) or kind.channels


def _for_channel(
    notification: Notification, kind: NotificationType, channel: Channel, preference: Preference, expired: bool
) -> ChannelDecision:
    made = delivery_id(notification.notification_id, channel)
    if expired:
        return ChannelDecision(channel, made, Action.EXPIRE, Layer.SYSTEM, "expires_at")
    verdict = decide_delivery(kind, channel, preference)
    action = Action.DELIVER if verdict.allowed else Action.SUPPRESS
    return ChannelDecision(channel, made, action, verdict.layer, verdict.rule)
