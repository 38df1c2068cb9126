"""The checker of senders: what the provider took, what Kafka and PostgreSQL tell of it, against what was sent.

It knows nothing of the senders' code: values are read by plain fastavro, how each delivery must end is said by
`traffic`. `take` is called by one thread; `findings` follows when all is done.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

from ops.faults.lanes import LANES, Label, id_of, label_of, label_of_trace
from ops.faults.ledger import Ledger, Place
from ops.faults.plain_avro import PlainAvro
from ops.faults.reader import Written
from ops.faults.sender.kept import Kept
from ops.faults.sender.sink import Arrival
from ops.faults.sender.traffic import FINE, KINDS, Expected, Kind, address, expected_of, mark_of, value_of
from ops.faults.tally import Tally
from ops.faults.verdict import Findings
from schemas import headers as names
from schemas import topics
from streams.domain.notification import Channel, delivery_id

OUTPUTS = (topics.DELIVERY_STATUS, topics.DEAD_LETTERS)
EXAMPLES = 3  # of each kind
WORST_FIRST = ("lost", "out_of_order", "unexpected", "duplicated")
TERMINAL = frozenset({"sent", "delivered", "dead_lettered", "suppressed", "expired", "unknown", "bounced", "canceled"})
UNDER_WAY = frozenset({"retrying"})


class Wrong(Exception):
    """A record that nothing we sent can have caused, or that does not say what it must; the text tells."""


class Checker:
    """`base`: the provider's URL, for webhooks. `held_may_repeat`: the fault loses the claims, so even what is not to
    be repeated may come twice."""

    def __init__(self, ledger: Ledger, channel: Channel, base: str = "", held_may_repeat: bool = False) -> None:
        self._ledger, self._channel, self._base, self._held_may_repeat = ledger, channel, base, held_may_repeat
        self._status = PlainAvro("DeliveryStatus")
        self._ends: defaultdict[Label, set[str]] = defaultdict(set)
        self._dead: defaultdict[Label, set[str]] = defaultdict(set)
        self._places: set[str] = set()
        self._arrived: defaultdict[int, Tally] = defaultdict(Tally)
        self._counted: Counter[str] = Counter()
        self._examples: defaultdict[str, list[str]] = defaultdict(list)
        self.written = 0

    def take(self, written: Written) -> None:
        """The next record of its partition: of delivery-status or of dead-letters."""
        self.written += 1
        try:
            if written.topic == topics.DELIVERY_STATUS:
                self._take_status(written)
            else:
                self._take_dead_letter(written)
        except (Wrong, ValueError, KeyError) as error:
            self._count("unexpected", f"{written.topic}/{written.partition}, key {written.key!r}: {error}")

    def findings(self, arrivals: Sequence[Arrival], kept: Kept, unanswered: int = 0) -> Findings:
        """The verdict, to be asked once. `arrivals` in the order in which the provider took them; `unanswered`: those
        that it took, and its answer never left in full."""
        for arrival in arrivals:
            self._note_arrival(arrival)
        due = 0
        for label, number in self._ledger.confirmed():
            must = expected_of(self._channel, label, number)
            due += bool(must.arrives) and self._ends[label] != {"unknown"}  # held, and killed before the call
            self._check_end(label, self._kinds[number], must)
            self._check_kept(label, kept)
        if missing := self._places - kept.dead_letters:
            self._count(
                "lost", f"{len(missing)} dead letters are not in PostgreSQL, {min(missing)} is one", len(missing)
            )
        return Findings(
            self._ledger.accepted,
            due,
            len(arrivals),
            self._counted["lost"],
            self._counted["duplicated"],
            self._counted["out_of_order"],
            self._counted["unexpected"],
            excused=min(unanswered, self._counted["duplicated"]),
            examples=tuple(f"{what}: {text}" for what in WORST_FIRST for text in self._examples[what]),
        )

    @property
    def _kinds(self) -> tuple[Kind, ...]:
        return KINDS[self._channel]

    def _count(self, what: str, example: str, times: int = 1) -> None:
        self._counted[what] += times
        if len(self._examples[what]) < EXAMPLES:
            self._examples[what].append(example)

    def _sent(self, label: Label) -> tuple[Kind, int, Expected]:
        sent = self._ledger.sent(label)
        if sent is None:
            raise Wrong(f"{id_of(label)} was never sent")
        return self._kinds[sent.kind], sent.created_at, expected_of(self._channel, label, sent.kind)

    def _take_status(self, written: Written) -> None:
        told = self._status.read(written.value)
        label = label_of(told["notification_id"])
        kind, _, must = self._sent(label)
        lane = LANES[label.lane]
        asked = {
            "delivery_id": delivery_id(id_of(label), self._channel),
            "recipient_id": lane.recipient,
            "type": kind.type,
            "channel": str(self._channel),
            "redrives": 0,
        }
        if wrong := [name for name, value in asked.items() if told[name] != value]:
            raise Wrong(f"status of {id_of(label)}: {', '.join(wrong)} is not what was sent")
        if written.key != lane.recipient.encode():
            raise Wrong("its key is not its recipient")
        status = told["status"]
        if status in TERMINAL:
            if status == "unknown" and self._ends[label] - {status} and not self._held_may_repeat:
                raise Wrong(f"{id_of(label)} ({kind.type} {kind.word}) had ended, and is told as unknown")
            self._ends[label].add(status)
            if status not in must.ends:
                raise Wrong(f"{id_of(label)} ({kind.type} {kind.word}) ended as {status}: {told['reason']}")
        elif status not in UNDER_WAY:
            raise Wrong(f"a sender does not tell {status}")

    def _take_dead_letter(self, written: Written) -> None:
        headers = dict(written.headers)
        label = label_of_trace(headers.get(names.TRACE_PARENT))
        kind, created_at, must = self._sent(label)
        why = headers[names.FAILURE_KIND].decode()
        if why not in dict(must.dead).values():
            raise Wrong(f"{id_of(label)} ({kind.type} {kind.word}) is a dead letter: {why}")
        if written.value != value_of(self._channel, self._base, label, kind, created_at):
            raise Wrong(f"the dead letter {id_of(label)} has not the bytes that were sent")
        at = (int(headers[names.ORIGIN_PARTITION]), int(headers[names.ORIGIN_OFFSET]))
        origin = Place(headers[names.ORIGIN_TOPIC].decode(), *at)
        if self._ledger.places.get(label, origin) != origin:
            raise Wrong(f"the dead letter {id_of(label)} says it came from {origin}")
        self._dead[label].add(why)
        # what was written a second time, by a process that died in between, is kept once more: both are rows
        self._places.add(f"{written.partition}-{written.offset}")

    def _note_arrival(self, arrival: Arrival) -> None:
        try:
            label = label_of(arrival.notification_id)
            kind, _, must = self._sent(label)
            self._judge_arrival(arrival, label, kind, must)
        except (Wrong, ValueError) as error:
            self._count("unexpected", f"the provider got {arrival.notification_id!r}: {error}")
            return
        again, late = self._arrived[label.lane].note(label.number)
        if again:
            self._count("duplicated", f"the provider got {id_of(label)} again")
            if kind.held and not self._held_may_repeat:
                self._count("unexpected", f"{id_of(label)} came twice, and its type says hold")
        if late:
            self._count("out_of_order", f"the provider got {id_of(label)} after a later one of its lane")

    def _judge_arrival(self, arrival: Arrival, label: Label, kind: Kind, must: Expected) -> None:
        if not must.arrives:
            raise Wrong(f"it must not be sent ({kind.type} {kind.word})")
        if arrival.delivery_id != delivery_id(id_of(label), self._channel):
            raise Wrong(f"as delivery {arrival.delivery_id!r}")
        where = address(self._channel, "", kind.word or FINE, LANES[label.lane].recipient).lstrip("/")
        if arrival.address != where:
            raise Wrong(f"at {arrival.address!r}, not {where!r}")
        if kind.type.startswith("order") and mark_of(label) not in arrival.subject:
            raise Wrong(f"with the words of another one: {arrival.subject!r}")

    def _check_end(self, label: Label, kind: Kind, must: Expected) -> None:
        ends, arrived = self._ends[label], self._arrived[label.lane].has(label.number)
        what = f"{id_of(label)} ({kind.type} {kind.word})"
        if must.ends and not ends:
            self._count("lost", f"{what} has no terminal status, {'it' if arrived else 'nor'} arrived")
        elif must.arrives in ends and not arrived:
            self._count("lost", f"{what} is told as {must.arrives}, and the provider never got it")
        # `unknown` is settled by `sent`, when the call turns out to have gone well after all
        if len(ends) > 1 and not (kind.held and ends == {must.arrives, "unknown"}):
            self._count("unexpected", f"{what} has several terminal statuses: {', '.join(sorted(ends))}")
        for end, why in must.dead:
            if (end in ends or not end) and why not in self._dead[label]:
                self._count("lost", f"{what} is not in dead-letters as {why}")

    def _check_kept(self, label: Label, kept: Kept) -> None:
        ends = self._ends[label]
        if not ends:
            return
        wanted = "sent" if ends == {"sent", "unknown"} else ", ".join(sorted(ends))
        found = kept.statuses.get(delivery_id(id_of(label), self._channel))
        if found is None:
            self._count("lost", f"{id_of(label)} has no row in PostgreSQL")
        elif found != wanted:
            self._count("unexpected", f"{id_of(label)} is {found} in PostgreSQL and {wanted} in Kafka")
