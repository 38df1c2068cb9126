"""When standstill is a stall, and when it is not."""

from typing import NoReturn

import pytest

from streams.engine.watchdog import Reading, Stall, Watchdog


def lasted(*readings: tuple[float, object, str | None]) -> list[float]:
    stall = Stall()
    return [stall.lasts(Reading(progress, waiting), now) for now, progress, waiting in readings]


@pytest.mark.parametrize(
    ("readings", "seconds"),
    [
        pytest.param([(0, 1, "work"), (9, 2, "work"), (18, 3, "work")], 0, id="work that moves is no standstill"),
        pytest.param([(0, 1, None), (9, 1, None), (99, 1, None)], 0, id="nothing to do is no standstill"),
        pytest.param([(0, 1, "work"), (5, 1, "work"), (12, 1, "work")], 7, id="it counts from the second look"),
        pytest.param([(0, 1, None), (50, 1, "work"), (60, 1, "work")], 10, id="it counts from when work was seen"),
        pytest.param([(0, 1, "work"), (5, 1, "work"), (9, 2, "work"), (12, 2, "work")], 0, id="any move ends it"),
        pytest.param([(0, 1, "w"), (5, 1, "w"), (9, 1, None), (12, 1, "w"), (20, 1, "w")], 8, id="not knowing ends it"),
    ],
)
def test_how_long_a_standstill_lasts(readings: list[tuple[float, object, str | None]], seconds: float) -> None:
    assert lasted(*readings)[-1] == seconds


class Ended(Exception):
    """What a process end looks like here."""


class Dog:
    """A watchdog whose process, clock and end are in our hands."""

    def __init__(self, limit: float = 10) -> None:
        self.now = 0.0
        self.reading = Reading(0, None)
        self.dog = Watchdog(lambda: self.reading, limit, self.end, lambda: self.now)

    def end(self, reason: str) -> NoReturn:
        raise Ended(reason)

    def at(self, now: float, progress: int, waiting: str | None) -> None:
        self.now, self.reading = now, Reading(progress, waiting)
        self.dog.check()


def test_it_ends_the_process_when_work_stands_still_longer_than_the_limit() -> None:
    dog = Dog()
    dog.at(0, 1, "5 records are in hand")
    dog.at(1, 1, "5 records are in hand")
    dog.at(11, 1, "5 records are in hand")
    with pytest.raises(Ended, match="5 records are in hand, and nothing has moved for 11 s"):
        dog.at(12, 1, "5 records are in hand")


def test_a_process_is_alive_while_it_works_and_while_it_idles() -> None:
    dog = Dog()
    for second in range(100):
        dog.at(second, second // 50, None if second < 50 else "work")
        assert dog.dog.alive() is (second < 50 or second <= 61)
        if second == 61:
            break


def test_a_process_is_not_alive_when_its_watchdog_is_dead() -> None:
    dog = Dog()
    dog.at(0, 1, None)
    dog.now = 10
    assert dog.dog.alive()
    dog.now = 20
    assert not dog.dog.alive()


def test_a_stall_is_told_long_before_the_process_is_ended_and_taken_back_when_something_moves() -> None:
    dog = Dog(limit=9)
    told = []
    for second, progress in ((0, 1), (1, 1), (4, 1), (5, 1), (8, 1), (9, 2), (10, 2)):
        dog.at(second, progress, "work")
        told.append(dog.dog.stalled())
    assert told == [False, False, False, True, True, False, False]


def test_a_process_that_is_being_stopped_is_not_called_stalled() -> None:
    dog = Dog(limit=9)
    for second in (0, 1, 5):
        dog.at(second, 1, "work")
    assert dog.dog.stalled()
    dog.dog.stop()
    assert not dog.dog.stalled()
