"""notifications.<priority> -> deliveries.<channel>.<priority>, one decision each, dead letters.

The topic a notification travels on is its priority, whatever its priority field says: lanes, weights and order belong
to topics, and the bytes that are passed on stay as they came.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from ops.telemetry import metrics
from schemas import headers as names
from schemas.codec import Codec
from schemas.headers import Origin, dead_letter
from schemas.records import decision_to_record, delivery_head
from streams.agents.concluding import PERMANENT, Concluded, Concluder, Refused
from streams.agents.moment import Moment, Stamps
from streams.agents.plans import Plans
from streams.agents.routed_counts import RoutedCounts
from streams.agents.router_topics import RouterTopics
from streams.agents.splicing import Splicer
from streams.domain.catalogue import Catalogue
from streams.domain.decision import Action
from streams.engine.application import Application
from streams.engine.batch import Batch, Partition, Record
from streams.engine.outbox import Outbox


class Preferences(Protocol):
    """The preference table, as far as routing needs it."""

    def partition(self, tp: Partition) -> dict[bytes, bytes]:
        """Raw preferences by key, of the recipients whose notifications are on this partition."""

    def belongs(self, partition: int, key: bytes) -> bool:
        """Whether this key lies on the partition of this number."""

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


def register(app: Application, parts: RoutingParts) -> Any:
    """Add the agent to the app."""
    router = Router(parts)
    metrics.PREFERENCES.set_function(parts.preferences.size)

    async def route_notifications(stream: Any) -> None:
        async for batch in parts.outbox.batches(stream, router.set_aside):
            router.route(batch)

    source = app.batches_of(*parts.topics.notifications.values())
    return app.agent(source, name="route_notifications")(route_notifications)


class Router:
    """Routes batches. Any exception it raises is a fault of ours: the engine ends the process."""

    def __init__(self, parts: RoutingParts) -> None:
        self._parts = parts
        self._priority_of = {topic: priority for priority, topic in parts.topics.notifications.items()}
        self._plans = {priority: Plans(parts.codec, parts.topics, priority) for priority in self._priority_of.values()}
        self._splicer = Splicer(parts.codec, parts.topics.decisions, parts.outbox.put)
        self._concluder = Concluder(parts.codec, parts.catalogue)

    def route(self, batch: Batch) -> None:
        """Send everything the batch causes, in the order of its records."""
        moment = self._moment(batch.tp)
        plans = self._plans[moment.priority]
        splice = self._splicer.splice(plans.known, moment)
        counts = RoutedCounts(moment.priority, moment.now)
        for record in batch:
            plan = splice(record)
            if plan is not None:
                counts.spliced(plan, record.timestamp)
                continue
            concluded = self._concluder.conclude(record, moment)
            if isinstance(concluded, Refused):
                self._bury(batch.tp, record, concluded, moment.now)
                counts.dead(concluded.kind)
                continue
            if self._remember(record, concluded, plans) and (plan := splice(record)) is not None:
                counts.spliced(plan, record.timestamp)  # writing it thoroughly costs twice as much
                continue
            self._pass_on(record, concluded, moment)
            counts.decided(concluded.decision.channels, record.timestamp)
        counts.report()

    def set_aside(self, tp: Partition, record: Record, reason: str) -> None:
        """Make a dead letter of a record that is not to be touched."""
        self._bury(tp, record, Refused(PERMANENT, reason), self._parts.now())
        metrics.DEAD_LETTERS.labels("router", PERMANENT).inc()

    def _moment(self, tp: Partition) -> Moment:
        now, preferences = self._parts.now(), self._parts.preferences
        return Moment(
            self._priority_of[tp.topic],
            now,
            preferences.partition(tp),
            partial(preferences.belongs, tp.partition),
            Stamps(now),
        )

    def _remember(self, record: Record, concluded: Concluded, plans: Plans) -> bool:
        """This notification and all like it may take the fast way. One that has expired is like no other."""
        if concluded.body is None or record.value is None:
            return False
        grounds = self._splicer.grounds(record.value, concluded.wish)
        if grounds is None or any(each.action is Action.EXPIRE for each in concluded.decision.channels):
            return False
        plans.remember(grounds, concluded.decision)
        return True

    def _pass_on(self, record: Record, concluded: Concluded, moment: Moment) -> None:
        topics, send = self._parts.topics, self._parts.outbox.send
        decision = concluded.decision
        trace = [pair for pair in record.headers if pair[0] == names.TRACE_PARENT]
        for at, chosen in enumerate(decision.channels):
            if chosen.action is Action.DELIVER:
                send(
                    topics.deliveries[chosen.channel, moment.priority],
                    self._delivery(concluded, at),
                    decision.key_of(chosen),
                    [(names.ID, chosen.delivery_id.encode()), *moment.stamps.delivery, *trace],
                )
        send(
            topics.decisions,
            self._parts.codec.encode("Decision", decision_to_record(decision)),
            record.key,
            [(names.ID, decision.notification.notification_id.encode()), *moment.stamps.decision, *trace],
        )

    def _delivery(self, concluded: Concluded, at: int) -> bytes:
        head = delivery_head(concluded.decision, at)
        if concluded.body is None:
            return self._parts.codec.encode("Delivery", {**head, "notification": concluded.value})
        return self._parts.codec.splice("Delivery", head, concluded.body)

    def _bury(self, tp: Partition, record: Record, refused: Refused, now: int) -> None:
        origin = Origin(tp.topic, tp.partition, record.offset)
        self._parts.outbox.send(
            self._parts.topics.dead_letters,
            record.value,
            record.key,
            dead_letter(list(record.headers), refused.kind, refused.reason, origin, now),
        )
