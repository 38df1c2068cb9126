"""What a decision writes, encoded once for all notifications that are decided alike."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.codec import Codec
from schemas.records import decision_to_record, delivery_head
from streams.agents.router_topics import RouterTopics
from streams.domain.decision import Action, ChannelDecision, Decision
from streams.domain.notification import Priority

Grounds = tuple[bytes, bytes, bytes]
"""What a decision rests on but for the clock: the type, what the notification asks for, what the recipient wants."""


class PlannedDelivery(NamedTuple):
    """One delivery: its topic, and the fields of its head before and after the preference version, encoded."""

    topic: str
    channel: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Deliveries in the order of the decision, and the fields of the decision that are the same for all.

    `ordered`: the key of the deliveries is their recipient; else each has its own id as key.
    """

    channels: tuple[ChannelDecision, ...]
    deliveries: tuple[PlannedDelivery, ...]
    decided_for: bytes  # Decision: category and catalogue version
    concluded: bytes  # Decision: channels
    ordered: bool


class Plans:
    """Plans by what they rest on, of one priority; `limit` at most."""

    def __init__(self, codec: Codec, topics: RouterTopics, priority: Priority, limit: int = 50_000) -> None:
        self._codec = codec
        self._topics = topics
        self._priority = priority
        self._limit = limit
        self.known: dict[Grounds, Plan] = {}

    def remember(self, grounds: Grounds, decision: Decision) -> None:
        """Whatever rests on the same grounds is decided in the same way, until it expires."""
        if len(self.known) >= self._limit:
            self.known.clear()
        self.known[grounds] = Plan(
            decision.channels,
            tuple(
                self._delivery(decision, at)
                for at, each in enumerate(decision.channels)
                if each.action is Action.DELIVER
            ),
            self._codec.part("Decision", ("category", "catalogue_version"), whole := decision_to_record(decision)),
            self._codec.part("Decision", ("channels",), whole),
            decision.ordered,
        )

    def _delivery(self, decision: Decision, at: int) -> PlannedDelivery:
        channel, head = decision.channels[at].channel, delivery_head(decision, at)
        return PlannedDelivery(
            self._topics.deliveries[channel, self._priority],
            channel.value,
            self._codec.part("Delivery", ("channel", "locale", "category", "catalogue_version"), head),
            self._codec.part("Delivery", ("decided_by",), head),
        )
