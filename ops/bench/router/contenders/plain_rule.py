"""What the router concludes, written compactly for speed and on its own: it shares no rule with our router.

The others of the measurement use it. It knows the cases of the measurement's data and no others: an unknown type or a
broken record ends the program.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ops.bench.router.plain_avro import PlainAvro
from schemas.headers import Headers, cloud_event
from streams.agents.router_topics import RouterTopics
from streams.domain.catalogue import Catalogue, NotificationType
from streams.domain.notification import delivery_id

_SOURCE = "/tidings/router"
_TRACE, _ID = "traceparent", "ce_id"
Verdict = tuple[bool, str, str]  # allowed, layer, rule


class Wish:
    """What one recipient wants; verdicts are kept, by type and channel."""

    __slots__ = ("_choices", "_unsubscribed", "locale", "verdicts", "version")

    def __init__(self, record: Mapping[str, Any] | None) -> None:
        told = record or {}
        self.version: int = told.get("version", 0)
        self.locale: str = told.get("locale") or ""
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        self._unsubscribed: bool = told.get("unsubscribed", False)
        self._choices = {(c["type"], c["category"], c["channel"]): c["wants"] for c in told.get("choices", ())}

    def verdict(self, kind: "Kind", channel: str) -> Verdict:
        """May this type reach the recipient on this channel?"""
        found = self.verdicts[kind.name, channel] = self._judge(kind, channel)
        return found

    def _judge(self, kind: "Kind", channel: str) -> Verdict:
        category, choices = kind.category, self._choices
        if kind.required:
            return True, "required", f"category:{category}"
        if self._unsubscribed and kind.commercial:
            return False, "veto", "unsubscribed"
        for at, rule in (
            ((kind.name, None, channel), f"type:{kind.name}+{channel}"),
            ((kind.name, None, None), f"type:{kind.name}"),
            ((None, category, channel), f"category:{category}+{channel}"),
            ((None, category, None), f"category:{category}"),
            ((None, None, channel), f"channel:{channel}"),
            ((None, None, None), "everything"),
        ):
            if at in choices:
                return choices[at], "recipient", rule
        return True, "system", "default"


class Kind(NamedTuple):
    """A type of the catalogue, in plain words."""

    name: str
    category: str
    required: bool
    commercial: bool
    channels: tuple[str, ...]

    @classmethod
    def of(cls, kind: NotificationType) -> "Kind":
        about = kind.category
        return cls(kind.name, about.name, about.required, about.commercial, tuple(map(str, kind.channels)))


class Stamps(NamedTuple):
    """The headers that are the same for a whole batch, and its time in milliseconds since 1970-01-01 UTC."""

    now: int
    delivery: Headers
    decision: Headers


class Output(NamedTuple):
    """A record to write; its key is that of the notification."""

    topic: str
    value: bytes
    headers: Headers


class PlainRule:
    """`wishes`: raw preferences by key."""

    def __init__(self, catalogue: Catalogue, wishes: Mapping[bytes, bytes], topics: RouterTopics) -> None:
        self._kinds = {name: Kind.of(kind) for name, kind in catalogue.types.items()}
        self._version = catalogue.version
        self._raw = wishes
        self._wishes: dict[bytes, Wish] = {}
        self._notification, self._preference = PlainAvro("Notification"), PlainAvro("Preference")
        self._delivery, self._decision = PlainAvro("Delivery"), PlainAvro("Decision")
        self._decisions = topics.decisions
        self._priority = {topic: str(priority) for priority, topic in topics.notifications.items()}
        self._topics = {(str(c), str(p)): topic for (c, p), topic in topics.deliveries.items()}

    def stamps(self) -> Stamps:
        """Time stands still within a batch."""
        now = time.time_ns() // 1_000_000
        return Stamps(now, _constant("tidings.delivery", now), _constant("tidings.decision", now))

    def outputs(
        self, topic: str, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]], stamps: Stamps
    ) -> list[Output]:
        """Everything that one notification causes, the decision last."""
        told = self._notification.decode(value)
        kind, wish, priority = self._kinds[told["type"]], self._wishes.get(key), self._priority[topic]
        if wish is None:
            wish = self._wish(key)
        trace = [pair for pair in headers if pair[0] == _TRACE]
        expired = told["expires_at"] is not None and told["expires_at"] <= stamps.now
        outputs: list[Output] = []
        concluded = []
        for channel in dict.fromkeys(told["channels"]) or kind.channels:
            allowed, layer, rule = wish.verdicts.get((kind.name, channel)) or wish.verdict(kind, channel)
            if expired:
                allowed, layer, rule = False, "system", "expires_at"
            action = "deliver" if allowed else "expire" if expired else "suppress"
            concluded.append({"channel": channel, "action": action, "layer": layer, "rule": rule, "until": None})
            if allowed:
                made = delivery_id(told["notification_id"], channel)
                value = self._delivery_of(told, kind, wish, (made, channel, layer))
                stamped = [(_ID, made.encode()), *stamps.delivery, *trace]
                outputs.append(Output(self._topics[channel, priority], value, stamped))
        stamped = [(_ID, told["notification_id"].encode()), *stamps.decision, *trace]
        value = self._decision_of(told, kind, wish, (priority, stamps.now, concluded))
        outputs.append(Output(self._decisions, value, stamped))
        return outputs

    def _delivery_of(self, told: dict[str, Any], kind: "Kind", wish: Wish, what: tuple[str, str, str]) -> bytes:
        made, channel, layer = what
        return self._delivery.encode(
            {
                "delivery_id": made,
                "channel": channel,
                "locale": told["locale"] or wish.locale,
                "category": kind.category,
                "catalogue_version": self._version,
                "preference_version": wish.version,
                "decided_by": layer,
                "notification": told,
            }
        )

    def _decision_of(self, told: dict[str, Any], kind: "Kind", wish: Wish, what: tuple[str, int, list[Any]]) -> bytes:
        priority, now, concluded = what
        return self._decision.encode(
            {
                "notification_id": told["notification_id"],
                "recipient_id": told["recipient_id"],
                "type": told["type"],
                "priority": priority,
                "tenant": told["tenant"],
                "created_at": told["created_at"],
                "decided_at": now,
                "category": kind.category,
                "catalogue_version": self._version,
                "preference_version": wish.version,
                "channels": concluded,
            }
        )

    def _wish(self, key: bytes) -> Wish:
        raw = self._raw.get(key)
        wish = self._wishes[key] = Wish(self._preference.decode(raw) if raw else None)
        return wish


def _constant(event: str, now: int) -> Headers:
    return [pair for pair in cloud_event("", event, _SOURCE, now) if pair[0] != _ID]
