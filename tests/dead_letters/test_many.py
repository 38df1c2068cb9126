"""Redriving many: the pace, the bounds of time and number, and being stopped or killed on the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.dead_letters.dead_letter import DeadLetter
from connectors.dead_letters.many import RedriveMany, Watch, redrive_many
from connectors.dead_letters.ports import Batch, WorkMany
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.memory.dead_letters import DeadLettersInMemory
from connectors.memory.publisher import PublisherInMemory
from schemas import headers
from schemas.codec import Codec
from tests.http.api import CODEC, NOW
from tests.http.dead import dead_letter

ANY = DeadLetterFilter()


class Killed(BaseException):
    """The process is gone."""


class DiesBeforeNoting(DeadLettersInMemory):
    """The process is killed when `batches` were noted and the next one was published."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches

    async def redriven_many(self, batch: Batch, work: WorkMany) -> Sequence[DeadLetter]:
        async def dies(letters: Sequence[DeadLetter]) -> Any:
            done = await work(letters)
            self.batches -= 1
            if self.batches < 0:
                raise Killed
            return done

        return await super().redriven_many(batch, dies)


@dataclass(slots=True)
class World:
    """What redriving stands on, and a clock that only sleeping moves."""

    dead_letters: DeadLettersInMemory = field(default_factory=DeadLettersInMemory)
    publisher: PublisherInMemory = field(default_factory=PublisherInMemory)
    codec: Codec = CODEC
    clock: float = 0.0
    told: list[int] = field(default_factory=list)
    stop_after: int | None = None

    def now(self) -> int:
        return NOW

    def new_id(self) -> str:
        return "id"

    async def sleep(self, seconds: float) -> None:
        self.clock += seconds

    @property
    def watch(self) -> Watch:
        return Watch(
            lambda: self.clock,
            self.sleep,
            lambda: self.stop_after is not None and bool(self.told) and self.told[-1] >= self.stop_after,
            self.told.append,
        )

    def add(self, count: int) -> None:
        for number in range(count):
            self.dead_letters.add(dead_letter(number, delivery_id=f"d{number}"))

    def sent(self) -> int:
        return sum(record.topic == "deliveries.email.low" for record in self.publisher.records)


async def test_a_thousand_at_a_hundred_a_second_take_ten_seconds() -> None:
    world = World()
    world.add(1000)
    report = await redrive_many(RedriveMany(ANY, rate=100), world, world.watch)
    assert (report.redriven, report.left) == (1000, 0)
    assert world.clock == pytest.approx(10, abs=0.2)


async def test_when_its_time_is_over_it_tells_what_is_left_and_goes_on_when_asked_again() -> None:
    world = World()
    world.add(1000)
    asked = RedriveMany(ANY, rate=100, seconds=4)
    first = await redrive_many(asked, world, world.watch)
    assert 390 <= first.redriven <= 420
    assert first.left == 1000 - first.redriven
    second = await redrive_many(asked, world, world.watch)
    third = await redrive_many(asked, world, world.watch)
    assert first.redriven + second.redriven + third.redriven == 1000 == world.sent()
    assert third.left == 0


async def test_it_is_stopped_between_two_batches() -> None:
    world = World(stop_after=50)
    world.add(1000)
    report = await redrive_many(RedriveMany(ANY, rate=100), world, world.watch)
    assert (report.redriven, report.left, world.sent()) == (50, 950, 50)


async def test_killed_before_a_batch_is_noted_it_goes_on_and_what_goes_twice_is_the_same_redrive() -> None:
    world = World(DiesBeforeNoting(batches=3))
    world.add(100)
    with pytest.raises(Killed):
        await redrive_many(RedriveMany(ANY, rate=100), world, world.watch)
    assert world.sent() == 40
    world.dead_letters.batches = 1000  # type: ignore[attr-defined]
    report = await redrive_many(RedriveMany(ANY, rate=100), world, world.watch)
    assert (report.redriven, world.sent()) == (70, 110), "only the batch that was not noted goes twice"
    numbers = {dict(each.headers).get(headers.REDRIVES) for each in world.publisher.records if "low" in each.topic}
    assert numbers == {b"2"}, "the sender knows both by their redrive number"


async def test_those_it_has_to_skip_do_not_keep_it_from_the_rest() -> None:
    world = World()
    for number in range(50):
        changes = {"value": b"odd", "origin_topic": "no-topic-of-ours"} if number % 2 else {}
        world.dead_letters.add(dead_letter(number, delivery_id=None, **changes))
    report = await redrive_many(RedriveMany(ANY, rate=100), world, world.watch)
    assert (report.redriven, report.unplaced, report.left) == (25, 25, 0)
