"""Every topic, once. Nothing else in tidings spells a topic name.

All keyed topics have the same partition count and the key recipient_id (murmur2), so that whoever owns a partition
of one owns the same recipients on all of them. A delivery of a type with `ordered = false` has its own id as key, on
the partition of its recipient all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from streams.domain.notification import Channel, Priority

LARGEST_RECORD = 3 * 1024 * 1024
"""Bytes of a record we write: what Kafka takes in (1 MiB by default) fits together with what we add to it."""

_DAY_MS = 24 * 3600 * 1000
_WEEK = {"retention.ms": str(7 * _DAY_MS)}
_LARGE = {"max.message.bytes": str(LARGEST_RECORD)}
_OURS = {**_WEEK, **_LARGE}
_MONTH = {"retention.ms": str(30 * _DAY_MS), **_LARGE}
_COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": str(7 * _DAY_MS)}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its record (None: raw bytes as they came), who writes and who reads it, and its settings."""

    name: str
    schema: str | None
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    config: Mapping[str, str] = field(default_factory=dict)


def notifications(priority: Priority) -> str:
    return f"notifications.{priority}"


def deliveries(channel: Channel, priority: Priority) -> str:
    return f"deliveries.{channel}.{priority}"


def retry(channel: Channel, delay: timedelta) -> str:
    """The topic whose records all wait for the same delay."""
    return f"deliveries.{channel}.retry.{delay_name(delay)}"


PREFERENCES = "preferences"
DECISIONS = "decisions"
DELIVERY_STATUS = "delivery-status"
DEAD_LETTERS = "dead-letters"


def delay_name(delay: timedelta) -> str:
    """A delay as in topic names: 200ms, 30s, 2m, 6h."""
    ms = delay // timedelta(milliseconds=1)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"


def sender_name(channel: Channel) -> str:
    return f"sender-{channel}"


def all_topics(retry_delays: Mapping[Channel, Sequence[timedelta]]) -> tuple[Topic, ...]:
    """Every topic of an installation whose channels retry in topics after these delays."""
    senders = tuple(sender_name(channel) for channel in Channel)
    made = [
        Topic(notifications(p), "Notification", ("producers", "api", "cli"), ("router",), _WEEK) for p in Priority
    ] + [
        Topic(PREFERENCES, "Preference", ("scheduler",), ("router",), _COMPACTED),
        Topic(DECISIONS, "Decision", ("router",), ("recorder",), _OURS),
        Topic(DELIVERY_STATUS, "DeliveryStatus", (*senders, "api", "cli"), ("recorder", "other teams"), _OURS),
        Topic(DEAD_LETTERS, None, ("router", *senders), ("recorder",), _MONTH),
    ]
    for channel in Channel:
        sender = sender_name(channel)
        made += [
            Topic(deliveries(channel, p), "Delivery", ("router", "api", "cli"), (sender,), _OURS) for p in Priority
        ]
        made += [Topic(retry(channel, d), "Delivery", (sender,), (sender,), _OURS) for d in retry_delays[channel]]
    return tuple(made)
