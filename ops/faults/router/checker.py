"""The checker: reads every output as any other team would, and holds it against what was sent.

It knows nothing of the router's code: values are read by plain fastavro, what they must say comes from the domain's
rule, and what must be there from the ledger. Not thread-safe: one thread takes, and `findings` follows when it is done.
"""

from collections import Counter, defaultdict
from typing import Any

from ops.faults.lanes import LANES, Label, id_of, label_of, traceparent
from ops.faults.ledger import Ledger, Place, Sent
from ops.faults.plain_avro import PlainAvro
from ops.faults.reader import Written
from ops.faults.router.traffic import KINDS, Expected, Rule, delivery_of, notification, value_of
from ops.faults.tally import Tally
from ops.faults.verdict import Findings
from schemas import headers as names
from schemas import topics
from schemas.codec import Codec
from schemas.records import notification_to_record
from streams.domain.notification import Channel, Priority

EXAMPLES = 3  # of each kind
WORST_FIRST = ("lost", "out_of_order", "unexpected", "duplicated")


class Wrong(Exception):
    """An output that nothing we sent can have caused, or that does not say what it must; the text tells."""


DELIVERIES = {topics.deliveries(channel, p): (channel, p) for channel in Channel for p in Priority}
OUTPUTS = (topics.DECISIONS, *DELIVERIES, topics.DEAD_LETTERS)


class Checker:
    """Takes outputs in the order of their partitions; `findings` is the verdict."""

    def __init__(self, ledger: Ledger, rule: Rule) -> None:
        self._ledger, self._rule = ledger, rule
        self._decision, self._delivery = PlainAvro("Decision"), PlainAvro("Notification", "Delivery")
        self._codec = Codec()
        self._tallies: defaultdict[tuple[str, int], Tally] = defaultdict(Tally)
        self._partitions: defaultdict[str, set[int]] = defaultdict(set)
        self._dead_from: dict[Label, Place] = {}
        self._counted: Counter[str] = Counter()
        self._examples: defaultdict[str, list[str]] = defaultdict(list)
        self.written = 0

    @property
    def duplicated(self) -> int:
        """Outputs that were found again so far."""
        return self._counted["duplicated"]

    def take(self, written: Written) -> None:
        """The next output of its partition."""
        self.written += 1
        try:
            label = self._judge(written)
        except (Wrong, ValueError, KeyError) as error:
            self._count("unexpected", f"{written.topic}/{written.partition}, key {written.key!r}: {error}")
            return
        self._partitions[LANES[label.lane].recipient].add(written.partition)
        again, late = self._tallies[written.topic, label.lane].note(label.number)
        if again:
            self._count("duplicated", f"{id_of(label)} again on {written.topic}")
        if late:
            self._count("out_of_order", f"{id_of(label)} after a later one on {written.topic}")

    def findings(self) -> Findings:
        """Everything that was taken, against everything that was confirmed. To be called once, at the end."""
        expected = 0
        for label, kind in self._ledger.confirmed():
            for topic in self._topics_of(label, kind):
                expected += 1
                if not self._tallies[topic, label.lane].has(label.number):
                    self._count("lost", f"{id_of(label)} ({KINDS[kind].type}) is not on {topic}")
        self._check_places()
        return Findings(
            self._ledger.accepted,
            expected,
            self.written,
            self._counted["lost"],
            self._counted["duplicated"],
            self._counted["out_of_order"],
            self._counted["unexpected"],
            examples=tuple(f"{what}: {text}" for what in WORST_FIRST for text in self._examples[what]),
        )

    def _count(self, what: str, example: str) -> None:
        self._counted[what] += 1
        if len(self._examples[what]) < EXAMPLES:
            self._examples[what].append(example)

    def _topics_of(self, label: Label, kind: int) -> list[str]:
        expected = self._rule.of(label, kind)
        if expected.dead:
            return [topics.DEAD_LETTERS]
        priority = LANES[label.lane].priority
        return [topics.DECISIONS, *(topics.deliveries(channel, priority) for channel in expected.deliveries or ())]

    def _judge(self, written: Written) -> Label:
        if written.topic == topics.DECISIONS:
            value = self._decision.read(written.value)
            label, sent, expected = self._sent(value["notification_id"])
            self._judge_decision(value, label, sent, expected)
            event = id_of(label)
        elif written.topic == topics.DEAD_LETTERS:
            label, sent, expected = self._sent(dict(written.headers)[names.ID].decode())
            self._judge_dead_letter(written, label, sent, expected)
            event = id_of(label)
        else:
            channel, priority = DELIVERIES[written.topic]
            value = self._delivery.read(written.value)
            label, sent, expected = self._sent(value["notification"]["notification_id"])
            if priority is not LANES[label.lane].priority:
                raise Wrong("on the topic of another priority")
            self._judge_delivery(value, channel, label, sent, expected)
            event = delivery_of(label, channel)
        if written.key != LANES[label.lane].recipient.encode():
            raise Wrong("its key is not its recipient")
        headers = dict(written.headers)
        _same("headers", {names.ID: event.encode(), names.TRACE_PARENT: traceparent(label)}, headers)
        return label

    def _sent(self, notification_id: str) -> tuple[Label, Sent, Expected]:
        label = label_of(notification_id)
        sent = self._ledger.sent(label)
        if sent is None:
            raise Wrong(f"{notification_id} was never sent")
        return label, sent, self._rule.of(label, sent.kind)

    def _judge_decision(self, value: dict[str, Any], label: Label, sent: Sent, expected: Expected) -> None:
        if expected.decision is None:
            raise Wrong(f"a decision on what must be a dead letter: {id_of(label)}")
        told = notification(label, KINDS[sent.kind], sent.created_at)
        asked = {
            "notification_id": told.notification_id,
            "recipient_id": told.recipient_id,
            "priority": str(told.priority),
            "tenant": told.tenant,
            "created_at": told.created_at,
        }
        _same("a decision", {**expected.decision, **asked}, value)

    def _judge_delivery(
        self, value: dict[str, Any], channel: Channel, label: Label, sent: Sent, expected: Expected
    ) -> None:
        same = (expected.deliveries or {}).get(channel)
        if same is None:
            raise Wrong(f"{id_of(label)} must not be delivered by {channel}")
        told = notification_to_record(notification(label, KINDS[sent.kind], sent.created_at))
        _same("a delivery", {**same, "delivery_id": delivery_of(label, channel), "notification": told}, value)

    def _judge_dead_letter(self, written: Written, label: Label, sent: Sent, expected: Expected) -> None:
        if expected.dead is None:
            raise Wrong(f"{id_of(label)} must not be a dead letter")
        headers = dict(written.headers)
        _same("headers of a dead letter", {names.FAILURE_KIND: expected.dead.encode()}, headers)
        if written.value != value_of(label, KINDS[sent.kind], sent.created_at, self._codec):
            raise Wrong(f"the dead letter {id_of(label)} has not the bytes that were sent")
        at = (int(headers[names.ORIGIN_PARTITION]), int(headers[names.ORIGIN_OFFSET]))
        self._dead_from[label] = Place(headers[names.ORIGIN_TOPIC].decode(), *at)

    def _check_places(self) -> None:
        """What only confirmations tell, and they may come after the outputs."""
        for recipient, partition in self._ledger.partitions.items():
            if others := self._partitions[recipient] - {partition}:
                self._count("unexpected", f"outputs of {recipient} on partitions {others}, its inputs on {partition}")
        for label, place in self._ledger.places.items():
            if (told := self._dead_from.get(label, place)) != place:
                self._count("unexpected", f"the dead letter {id_of(label)} says it came from {told}, it was {place}")


def _same(what: str, must: dict[str, Any], found: dict[str, Any]) -> None:
    """Raises Wrong naming each field that is not as it must be."""
    if wrong := [f"{name} is {found.get(name)!r}, not {value!r}" for name, value in must.items()
                 if found.get(name) != value]:  # fmt: skip
        raise Wrong(f"{what}: " + "; ".join(wrong)[:400])
