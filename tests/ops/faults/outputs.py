"""What a router without fault writes for a ledger's inputs, made here from the domain's rule and our codec."""

from typing import Any

from msgspec.structs import replace

from connectors.catalogue.load import load as load_catalogue
from ops.faults.lanes import LANES, Label, id_of, traceparent
from ops.faults.ledger import Ledger, Place
from ops.faults.reader import Written
from ops.faults.router.checker import Checker
from ops.faults.router.traffic import KINDS, WISHES, Rule, notification, value_of, wish_of
from ops.wiring.shared import EXAMPLE_CATALOGUE
from schemas import headers as names
from schemas import topics
from schemas.codec import Codec
from schemas.headers import Origin, cloud_event, dead_letter
from schemas.records import decision_to_record, delivery_head, notification_to_record
from streams.domain.decision import Action, decide
from streams.domain.failures import Failure
from streams.domain.preferences import Preference

CATALOGUE = load_catalogue(EXAMPLE_CATALOGUE)
CODEC = Codec()
NOW, PARTITION = 1_795_500_203_465, 3


class Run:
    """Inputs, and the outputs they cause; `outputs` may be spoilt before they are judged."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.outputs: list[Written] = []
        self._offset = 0

    def send(self, lane: int, kind: int, confirmed: bool = True) -> Label:
        """One input of this lane and kind, and its outputs."""
        label = self.ledger.send(lane, kind, NOW)
        made = outputs_of(label, kind, self._offset)
        if confirmed:
            dead = made[0].topic == topics.DEAD_LETTERS
            self.ledger.confirm(label, Place(input_topic(label), PARTITION, self._offset), dead)
        self._offset += 1
        self.outputs += made
        return label

    def judged(self) -> Any:
        """The findings."""
        checker = Checker(self.ledger, Rule(CATALOGUE))
        for each in self.outputs:
            checker.take(each)
        return checker.findings()

    def of(self, label: Label, topic: str) -> int:
        """The place of the output of this input on a topic."""
        found = [
            at
            for at, each in enumerate(self.outputs)
            if each.topic == topic and dict(each.headers)[names.TRACE_PARENT] == traceparent(label)
        ]
        return found[0]


def input_topic(label: Label) -> str:
    return topics.notifications(LANES[label.lane].priority)


def outputs_of(label: Label, number: int, offset: int) -> list[Written]:
    """What the router must write for one input."""
    kind, lane = KINDS[number], LANES[label.lane]
    told = notification(label, kind, NOW)
    value = value_of(label, kind, NOW, CODEC)
    key, trace = lane.recipient.encode(), traceparent(label)
    sent = cloud_event(id_of(label), "tidings.notification", "/tidings/faults", NOW, trace)
    wish = WISHES[wish_of(label.lane)]
    preference = replace(wish, recipient_id=lane.recipient) if wish else Preference(lane.recipient)
    decided = decide(told, CATALOGUE, preference, NOW)
    if kind.spoil or isinstance(decided, Failure):
        origin = Origin(input_topic(label), PARTITION, offset)
        why = dead_letter(sent, "poison" if kind.spoil else "permanent", "why", origin, NOW)
        return [Written(topics.DEAD_LETTERS, PARTITION, key, value, why)]

    def headers(event: str) -> list[tuple[str, bytes]]:
        return cloud_event(event, "tidings.x", "/tidings/router", NOW, trace)

    made = [
        Written(
            topics.deliveries(each.channel, lane.priority),
            PARTITION,
            key,
            CODEC.encode(
                "Delivery", {**delivery_head(decided, at), "notification": notification_to_record(decided.notification)}
            ),
            headers(each.delivery_id),
        )
        for at, each in enumerate(decided.channels)
        if each.action is Action.DELIVER
    ]
    decision = CODEC.encode("Decision", decision_to_record(decided))
    return [*made, Written(topics.DECISIONS, PARTITION, key, decision, headers(id_of(label)))]
