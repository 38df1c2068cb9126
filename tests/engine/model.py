"""A model of Kafka, and of processes on it: the real consumer, watermarks, batches and crash marks of the engine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from faust.types import TP
from mode import Service

from streams.engine.application import Application, EnginePolicy
from streams.engine.crash_marks import CrashMarks
from streams.engine.transport import Consumer

PARTITIONS = [TP("events.high", 0), TP("events.high", 1), TP("events.low", 0), TP("events.low", 1)]
MEMBERS = ("one", "two")


@dataclass(frozen=True, slots=True)
class Logged:
    """A record of the model. A deadly one ends whoever handles it."""

    topic: str
    partition: int
    offset: int
    deadly: bool = False
    key: bytes = b"key"
    value: bytes = b"value"
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp: int = 0
    timestamp_type: int = 0


@dataclass
class Kafka:
    """What outlives every process."""

    logs: dict[TP, list[Logged]] = field(default_factory=lambda: {tp: [] for tp in PARTITIONS})
    committed: dict[TP, int] = field(default_factory=lambda: dict.fromkeys(PARTITIONS, 0))
    owners: dict[TP, str] = field(default_factory=dict)
    generation: int = 0

    def end(self, tp: TP) -> int:
        return self.logs[tp][-1].offset + 1 if self.logs[tp] else 0

    def append(self, tp: TP, hole: int, deadly: bool) -> None:
        self.logs[tp].append(Logged(tp.topic, tp.partition, self.end(tp) + hole, deadly))


class InHand(NamedTuple):
    """A batch whose body is through and which is not finished."""

    message: Any
    tp: TP
    offsets: list[int]


def never(error: BaseException) -> NoReturn:
    raise AssertionError(error)


class Member(Consumer):
    """One process, as far as records pass through it."""

    def __init__(self, kafka: Kafka, name: str, folder: Path) -> None:
        self.kafka, self.name, self.mine, self.generation = kafka, name, set[TP](), -1
        self.positions: dict[TP, int] = {}
        self.size = 1
        self.meanwhile: Callable[[], None] = lambda: None
        self.in_hand: list[InHand] = []
        self.through: set[tuple[TP, int]] = set()  # records, in this assignment
        app = Application(EnginePolicy("127.0.0.1:1", name, "a-group"), never, CrashMarks.open(folder, name))
        app.batches_of("events.high", "events.low")
        super().__init__(app.transport, self.nothing, self.nothing, self.nothing)

    def _new_consumer_thread(self) -> Any:
        return Service(loop=self.loop, beacon=self.beacon)  # no aiokafka: what it would tell comes from the model

    async def nothing(self, *_: Any) -> None:
        """What the app does when it is told of partitions."""

    async def gain(self) -> None:
        self.mine = {tp for tp, owner in self.kafka.owners.items() if owner == self.name}
        self.generation = self.kafka.generation
        self.through.clear()
        self.app.consumer_generation_id += 1
        self._set_active_tps(set(self.mine))
        await self.perform_seek()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        self.positions = {tp: self.kafka.committed[tp] for tp in self.mine}
        return self.positions

    def assignment(self) -> set[TP]:
        return self.mine

    async def _getmany(self, *_: Any) -> Mapping[TP, Any]:
        found = {}
        for tp in self.mine:
            waiting = [record for record in self.kafka.logs[tp] if record.offset >= self.positions[tp]]
            if waiting:
                found[tp] = waiting[: self.size]
                self.positions[tp] = found[tp][-1].offset + 1
        return found

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        if self.generation != self.kafka.generation:
            return False  # the group has moved on without this member
        self.meanwhile()
        self.kafka.committed.update(offsets)
        return True
