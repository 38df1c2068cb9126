"""What was sent, and what of it Kafka confirmed: written by the load, read by the checker, on two threads."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ops.faults.lanes import LANES, Label


class Sent(NamedTuple):
    """One input: the number of its kind, its creation time in milliseconds since 1970-01-01 UTC."""

    kind: int
    created_at: int


class Place(NamedTuple):
    """Where Kafka put an input."""

    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class _LaneLedger:
    kinds: bytearray = field(default_factory=bytearray)
    created: "array[int]" = field(default_factory=lambda: array("q"))
    confirmed: bytearray = field(default_factory=bytearray)


class Ledger:
    """About 10 bytes an input. An input stands here before it is handed to Kafka: whatever comes out was sent."""

    def __init__(self) -> None:
        self._lanes = [_LaneLedger() for _ in LANES]
        self.partitions: dict[str, int] = {}  # of each recipient's inputs, as Kafka told
        self.places: dict[Label, Place] = {}  # of the inputs that must become dead letters
        self.accepted = 0
        self.refused: Counter[str] = Counter()  # by reason

    def send(self, lane: int, kind: int, created_at: int) -> Label:
        """Note an input that is about to be sent; its label."""
        kept = self._lanes[lane]
        label = Label(lane, len(kept.kinds))
        kept.created.append(created_at)
        kept.confirmed.append(0)
        kept.kinds.append(kind)
        return label

    def confirm(self, label: Label, place: Place, dead: bool) -> None:
        """Kafka has it. `dead`: it must become a dead letter, so its place is kept."""
        self._lanes[label.lane].confirmed[label.number] = 1
        self.partitions[LANES[label.lane].recipient] = place.partition
        self.accepted += 1
        if dead:
            self.places[label] = place

    def refuse(self, reason: str) -> None:
        """Kafka did not confirm an input: it may come out, but need not."""
        self.refused[reason] += 1

    def sent(self, label: Label) -> Sent | None:
        """The input of this label; None: it was never sent."""
        kept = self._lanes[label.lane]
        if not 0 <= label.number < len(kept.kinds):
            return None
        return Sent(kept.kinds[label.number], kept.created[label.number])

    def confirmed(self) -> Iterator[tuple[Label, int]]:
        """Every confirmed input and its kind, lane by lane."""
        for lane, kept in enumerate(self._lanes):
            for number, (kind, confirmed) in enumerate(zip(kept.kinds, kept.confirmed, strict=True)):
                if confirmed:
                    yield Label(lane, number), kind
