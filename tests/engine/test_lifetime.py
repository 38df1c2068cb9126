"""What the watchdog sees of a running process."""

from collections.abc import Mapping

import pytest

from streams.engine.batch import Partition
from streams.engine.lifetime import Look

HERE = Partition("events", 0)


class Process:
    """Application, consumer, table and backlog in one: what Look reads, in our hands."""

    name = "preferences"

    def __init__(self) -> None:
        self.phase = "ready"
        self.consumer_generation_id = 1
        self.fetched = self.finished = self.read = self.missing = 0
        self.waits: str | None = None
        self.asked: list[Mapping[Partition, int | None]] = []
        self.started = True
        self.in_hand: tuple[Partition, int] | None = None

    def started_consumer(self) -> "Process | None":
        return self if self.started else None

    def open_records(self) -> int:
        return self.fetched - self.finished

    def oldest(self) -> tuple[Partition, int] | None:
        return self.in_hand

    def read_positions(self) -> Mapping[Partition, int | None]:
        return {HERE: self.fetched}

    def applied(self) -> int:
        return self.read

    def behind(self) -> int:
        return self.missing

    def waiting(self, positions: Mapping[Partition, int | None]) -> str | None:
        self.asked.append(positions)
        return self.waits


def look_of(process: Process) -> Look:
    look = Look(process, process, process)  # type: ignore[arg-type]
    look()
    return look


@pytest.mark.parametrize("moved", ["fetched", "read", "consumer_generation_id"])
def test_any_move_is_progress_and_asks_nobody(moved: str) -> None:
    process = Process()
    look = look_of(process)
    before = look().progress
    process.asked.clear()
    setattr(process, moved, 5)
    reading = look()
    assert reading.progress != before
    assert reading.waiting is None
    assert process.asked == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fetched": 7, "finished": 2}, "5 records are in hand"),
        ({"started": False}, "the process is starting"),
        ({"phase": "recovering"}, "the process is recovering"),
        ({"missing": 3}, "3 records of table preferences are not read"),
        ({"waits": "2 records wait on 1 partitions"}, "2 records wait on 1 partitions"),
        ({}, None),
    ],
)
def test_what_waits_is_told_when_nothing_moves(change: dict[str, object], said: str | None) -> None:
    process = Process()
    for name, value in change.items():
        setattr(process, name, value)
    look = look_of(process)
    assert look().waiting == said


def test_while_a_batch_is_in_hand_nothing_else_that_moves_is_progress() -> None:
    process = Process()
    process.fetched, process.in_hand = 5, (HERE, 5)
    look = look_of(process)
    process.fetched, process.read = 50, 7
    assert look().waiting == "50 records are in hand"
    process.in_hand = (HERE, 50)
    assert look().waiting is None


def test_a_batch_of_the_next_assignment_is_another_one() -> None:
    process = Process()
    process.fetched, process.in_hand = 5, (HERE, 5)
    look = look_of(process)
    assert look().waiting is not None
    process.consumer_generation_id += 1
    assert look().waiting is None
