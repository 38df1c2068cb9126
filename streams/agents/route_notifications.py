"""notifications.<priority> -> deliveries.<channel>.<priority>, one decision each, dead letters.

The topic a notification travels on is its priority, whatever its priority field says: lanes, weights and order belong
to topics, and the bytes that are passed on stay as they came.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ops.telemetry import metrics
from schemas import headers as names
from schemas.codec import Codec, PoisonRecord, Record
from schemas.headers import Headers, Origin, cloud_event, dead_letter
from schemas.records import decision_to_record, delivery_head, notification_from_record
from streams.agents.preference_reader import PreferenceReader, UnreadablePreference
from streams.agents.routed_counts import RoutedCounts
from streams.agents.router_topics import RouterTopics
from streams.domain.catalogue import Catalogue
from streams.domain.decision import Action, Decision, decide
from streams.domain.failures import Failure
from streams.domain.notification import Priority
from streams.engine.application import Application
from streams.engine.batch import Batch, Partition
from streams.engine.batch import Record as Fetched
from streams.engine.outbox import Outbox

SOURCE = "/tidings/router"
POISON, PERMANENT = "poison", "permanent"


class Preferences(Protocol):
    """The preference table, as far as routing needs it."""

    def partition(self, tp: Partition) -> dict[bytes, bytes]:
        """Raw preferences by key, of the recipients whose notifications are on this partition."""

    def size(self) -> int:
        """How many there are in memory."""


@dataclass(frozen=True, slots=True)
class RoutingParts:
    """What the agent needs. `now`: milliseconds since 1970-01-01 UTC."""

    outbox: Outbox
    preferences: Preferences
    catalogue: Catalogue
    codec: Codec
    topics: RouterTopics
    now: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that becomes a dead letter: `kind` is poison or permanent."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Concluded:
    """A decision, and the notification in the form in which deliveries carry it on.

    `body`: its bytes as received; None when an earlier schema wrote them, then `value` is encoded anew.
    """

    decision: Decision
    value: Record
    body: bytes | None


def register(app: Application, parts: RoutingParts) -> Any:
    """Add the agent to the app."""
    router = Router(parts)
    metrics.PREFERENCES.set_function(parts.preferences.size)

    async def route_notifications(stream: Any) -> None:
        async for batch in parts.outbox.batches(stream):
            router.route(batch)

    source = app.batches_of(*parts.topics.notifications.values())
    return app.agent(source, name="route_notifications")(route_notifications)


class Router:
    """Routes batches. Any exception it raises is a fault of ours: the engine ends the process."""

    def __init__(self, parts: RoutingParts) -> None:
        self._parts = parts
        self._priority_of = {topic: priority for priority, topic in parts.topics.notifications.items()}
        self._preferences = PreferenceReader(parts.codec)

    def route(self, batch: Batch) -> None:
        """Send everything the batch causes, in the order of its records. Time stands still within a batch."""
        now = self._parts.now()
        priority = self._priority_of[batch.tp.topic]
        wishes = self._parts.preferences.partition(batch.tp)
        counts = RoutedCounts(priority)
        stamps = Stamps(now)
        for record in batch:
            concluded = self._conclude(record, priority, wishes, now)
            if isinstance(concluded, Refused):
                self._bury(record, concluded, now)
                counts.dead(concluded.kind)
                continue
            self._pass_on(record, concluded, priority, stamps)
            decision = concluded.decision
            counts.decided(decision.channels, now - decision.notification.created_at)
        counts.report()

    def _conclude(
        self, record: Fetched, priority: Priority, wishes: dict[bytes, bytes], now: int
    ) -> Concluded | Refused:
        try:
            value, body = self._parts.codec.decode_with_body("Notification", record.value)
        except PoisonRecord as error:
            return Refused(POISON, str(error))
        notification = notification_from_record(value)
        key = notification.recipient_id.encode()
        if record.key != key:
            return Refused(POISON, "key: key and recipient_id must be equal (UTF-8)")
        try:
            preference = self._preferences.read(notification.recipient_id, wishes.get(key))
        except UnreadablePreference as error:
            return Refused(PERMANENT, str(error))
        if notification.priority is not priority:
            notification = replace(notification, priority=priority)
        decision = decide(notification, self._parts.catalogue, preference, now)
        if isinstance(decision, Failure):
            return Refused(PERMANENT, decision.reason)
        return Concluded(decision, value, body)

    def _pass_on(self, record: Fetched, concluded: Concluded, priority: Priority, stamps: "Stamps") -> None:
        topics, send = self._parts.topics, self._parts.outbox.send
        decision = concluded.decision
        trace = [pair for pair in record.headers if pair[0] == names.TRACE_PARENT]
        for at, chosen in enumerate(decision.channels):
            if chosen.action is Action.DELIVER:
                send(
                    topics.deliveries[chosen.channel, priority],
                    self._delivery(concluded, at),
                    record.key,
                    stamps.delivery(chosen.delivery_id, trace),
                )
        send(
            topics.decisions,
            self._parts.codec.encode("Decision", decision_to_record(decision)),
            record.key,
            stamps.decision(decision.notification.notification_id, trace),
        )

    def _delivery(self, concluded: Concluded, at: int) -> bytes:
        head = delivery_head(concluded.decision, at)
        if concluded.body is None:
            return self._parts.codec.encode("Delivery", {**head, "notification": concluded.value})
        return self._parts.codec.splice("Delivery", head, concluded.body)

    def _bury(self, record: Fetched, refused: Refused, now: int) -> None:
        origin = Origin(record.topic, record.partition, record.offset)
        self._parts.outbox.send(
            self._parts.topics.dead_letters,
            record.value,
            record.key,
            dead_letter(list(record.headers), refused.kind, refused.reason, origin, now),
        )


class Stamps:
    """CloudEvents headers of what one batch causes: all but the id is the same for the whole batch."""

    __slots__ = ("_decision", "_delivery")

    def __init__(self, now: int) -> None:
        self._delivery = self._common("tidings.delivery", now)
        self._decision = self._common("tidings.decision", now)

    @staticmethod
    def _common(event_type: str, now: int) -> Headers:
        return [pair for pair in cloud_event("", event_type, SOURCE, now) if pair[0] != names.ID]

    def delivery(self, delivery_id: str, trace: Headers) -> Headers:
        """Headers of a delivery; `trace` is the traceparent that came in, if any."""
        return [(names.ID, delivery_id.encode()), *self._delivery, *trace]

    def decision(self, notification_id: str, trace: Headers) -> Headers:
        """Headers of a decision."""
        return [(names.ID, notification_id.encode()), *self._decision, *trace]
