"""What senders without fault leave behind for a ledger's inputs: arrivals, statuses, dead letters, rows."""

from dataclasses import dataclass, field

from ops.faults.lanes import LANES, Label, id_of, traceparent
from ops.faults.ledger import Ledger, Place
from ops.faults.plain_avro import PlainAvro
from ops.faults.reader import Written
from ops.faults.sender.checker import Checker
from ops.faults.sender.kept import Kept
from ops.faults.sender.sink import Arrival
from ops.faults.sender.traffic import FINE, KINDS, address, expected_of, mark_of, value_of
from ops.faults.verdict import Findings
from schemas import headers as names
from schemas import topics
from streams.domain.notification import Channel, delivery_id

NOW = 1_795_500_203_465
EMAIL = Channel.EMAIL
STATUS = PlainAvro("DeliveryStatus")


@dataclass
class Left:
    """All that is left behind; each part may be spoilt before it is judged."""

    ledger: Ledger = field(default_factory=Ledger)
    arrivals: list[Arrival] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    dead_rows: set[str] = field(default_factory=set)

    def send(self, lane: int, number: int) -> Label:
        """One input of this lane and kind, and how it ends: as the first of the ends it may have."""
        label = self.ledger.send(lane, number, NOW)
        topic = topics.deliveries(EMAIL, LANES[lane].priority)
        place = Place(topic, 1, len(self.ledger.places))
        self.ledger.confirm(label, place, dead=True)
        must = expected_of(EMAIL, label, number)
        if must.arrives:
            self.arrivals.append(arrival(label, number))
        if must.ends:
            self.tell(label, number, must.arrives or min(must.ends - {"unknown"}))
        for end, why in must.dead:
            if end != "unknown":
                self.bury(label, number, place, why)
        return label

    def tell(self, label: Label, number: int, end: str) -> None:
        """A status, and its row."""
        self.written.append(status(label, number, end))
        self.rows[delivery_id(id_of(label), EMAIL)] = end

    def bury(self, label: Label, number: int, place: Place, why: str) -> None:
        """A dead letter, and its row."""
        offset = len(self.dead_rows)
        told = [
            (names.TRACE_PARENT, traceparent(label)),
            (names.FAILURE_KIND, why.encode()),
            (names.ORIGIN_TOPIC, place.topic.encode()),
            (names.ORIGIN_PARTITION, b"%d" % place.partition),
            (names.ORIGIN_OFFSET, b"%d" % place.offset),
        ]
        value = value_of(EMAIL, "", label, KINDS[EMAIL][number], NOW)
        self.written.append(Written(topics.DEAD_LETTERS, 0, b"", value, told, offset))
        self.dead_rows.add(f"0-{offset}")

    def judged(self, unanswered: int = 0, held_may_repeat: bool = False) -> Findings:
        """The findings."""
        checker = Checker(self.ledger, EMAIL, held_may_repeat=held_may_repeat)
        for each in self.written:
            checker.take(each)
        return checker.findings(self.arrivals, Kept(self.rows, frozenset(self.dead_rows)), unanswered)

    def at(self, label: Label, topic: str = topics.DELIVERY_STATUS) -> int:
        """The place of what was written of this input on a topic."""
        return next(
            at
            for at, each in enumerate(self.written)
            if each.topic == topic and dict(each.headers)[names.TRACE_PARENT] == traceparent(label)
        )


def arrival(label: Label, number: int) -> Arrival:
    """As the provider took it."""
    word = KINDS[EMAIL][number].word or FINE
    where = address(EMAIL, "", word, LANES[label.lane].recipient)
    return Arrival(id_of(label), delivery_id(id_of(label), EMAIL), where, f"Your order {mark_of(label)}")


def status(label: Label, number: int, end: str, **changes: object) -> Written:
    """As Kafka holds it."""
    lane = LANES[label.lane]
    told = {
        "delivery_id": delivery_id(id_of(label), EMAIL),
        "notification_id": id_of(label),
        "recipient_id": lane.recipient,
        "type": KINDS[EMAIL][number].type,
        "channel": "email",
        "status": end,
        "progress": 1,
        "occurred_at": NOW,
    }
    value = STATUS.write({**told, **changes})
    trace = [(names.TRACE_PARENT, traceparent(label))]
    return Written(topics.DELIVERY_STATUS, 0, lane.recipient.encode(), value, trace)
