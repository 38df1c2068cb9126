"""What every store of dead letters promises (http.ports.KeptDeadLetters) of a redrive, of one and of many."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.dead_letters.dead_letter import Cursor, DeadLetter, State
from connectors.dead_letters.ports import Batch
from connectors.dead_letters.wanted import DeadLetterFilter
from connectors.unavailable import Unavailable
from tests.connectors.contracts.dead_letter_stores import MOMENT, Add, Store, nothing
from tests.http.api import NOW
from tests.http.dead import BEGIN, dead_letter


async def test_a_redrive_is_noted_when_its_work_is_done(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())
    assert await store.redriven("0-1", nothing, NOW) == dead_letter()
    noted = await store.find("0-1")
    assert noted is not None
    assert noted.redriven_at is not None
    assert int(noted.redriven_at.timestamp() * 1000) == NOW
    assert await store.redriven("0-7", nothing, NOW) is None


async def test_a_redrive_whose_work_fails_is_not_noted(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())

    async def fails(_: DeadLetter) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await store.redriven("0-1", fails, NOW)
    assert await store.find("0-1") == dead_letter()


async def test_kafka_away_in_the_work_does_not_make_the_store_seem_away(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())

    async def fails(_: DeadLetter) -> None:
        raise Unavailable("Kafka")

    with pytest.raises(Unavailable, match="Kafka"):
        await store.redriven("0-1", fails, NOW)
    assert await store.find("0-1") == dead_letter()


async def test_two_redrives_of_one_follow_each_other_and_the_second_sees_the_first(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())
    seen: list[DeadLetter] = []
    inside = 0

    async def work(dead: DeadLetter) -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        seen.append(dead)
        await asyncio.sleep(0.02)
        inside -= 1

    both: list[Awaitable[DeadLetter | None]] = [store.redriven("0-1", work, NOW) for _ in range(2)]
    await asyncio.gather(*both)
    first, second = seen
    assert first.redriven_at is None
    assert second.redriven_at is not None
    assert replace(second, redriven_at=None) == replace(first, redrives=first.redrives + 1), "a number of its own"


def batch(limit: int = 10, after: DeadLetter | None = None, **wanted: Any) -> Batch:
    cursor = Cursor(after.dead_at, after.dead_letter_id) if after else None
    return Batch(DeadLetterFilter(**wanted), cursor, limit, NOW)


async def all_of(letters: Sequence[DeadLetter]) -> list[str]:
    return [each.dead_letter_id for each in letters]


async def test_many_are_taken_oldest_first_and_only_those_that_wait_and_have_not_expired(
    kept: tuple[Store, Add],
) -> None:
    store, add = kept
    waiting = [
        dead_letter(number, delivery_id=f"d{number}", expires_at=None if number % 2 else MOMENT + timedelta(seconds=1))
        for number in (7, 1, 5, 6)
    ]
    for each in waiting:
        add(each)
    add(dead_letter(2, delivery_id="a", redriven_at=BEGIN))
    add(dead_letter(3, delivery_id="b", dropped_at=BEGIN))
    add(dead_letter(4, delivery_id="c", expires_at=MOMENT))
    add(dead_letter(8, delivery_id="e", channel="webhook"))
    first = await store.redriven_many(batch(2, channel="email"), all_of)
    assert [each.dead_letter_id for each in first] == ["0-1", "0-5"]
    rest = await store.redriven_many(batch(channel="email"), all_of)
    assert [each.dead_letter_id for each in rest] == ["0-6", "0-7"]
    assert await store.redriven_many(batch(channel="email"), all_of) == []
    found = await store.find("0-7")
    assert found is not None
    assert (found.state, found.redriven_at) == (State.REDRIVEN, MOMENT)


async def test_only_those_that_went_back_are_noted_and_a_cursor_leads_past_the_others(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in (1, 2, 3):
        add(dead_letter(number, delivery_id=f"d{number}"))

    async def all_but_the_second(letters: Sequence[DeadLetter]) -> list[str]:
        return [each.dead_letter_id for each in letters if each.dead_letter_id != "0-2"]

    taken = await store.redriven_many(batch(), all_but_the_second)
    assert len(taken) == 3
    assert await store.redriven_many(batch(after=taken[-1]), all_of) == []
    assert [each.dead_letter_id for each in await store.redriven_many(batch(), all_of)] == ["0-2"]


async def test_when_the_work_on_many_breaks_all_of_them_wait_as_before(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1))

    async def breaks(_: Sequence[DeadLetter]) -> list[str]:
        raise LookupError

    with pytest.raises(LookupError):
        await store.redriven_many(batch(), breaks)
    assert await store.find("0-1") == dead_letter(1)


async def test_two_that_redrive_many_at_once_never_take_the_same(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in range(20):
        add(dead_letter(number, delivery_id=f"d{number}"))
    taken: list[str] = []

    async def slowly(letters: Sequence[DeadLetter]) -> list[str]:
        await asyncio.sleep(0.02)
        taken.extend(each.dead_letter_id for each in letters)
        return [each.dead_letter_id for each in letters]

    async def until_none_is_left() -> None:
        while await store.redriven_many(batch(3), slowly):
            pass

    await asyncio.gather(until_none_is_left(), until_none_is_left())
    assert sorted(taken) == sorted(f"0-{number}" for number in range(20))


async def test_a_copy_of_what_is_redriven_does_not_wait_any_longer(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1, redrives=1))
    add(dead_letter(2, redrives=1))
    add(dead_letter(3, redrives=2))  # it died again after a redrive: a dead letter of its own
    add(dead_letter(4, redrives=1, delivery_id=None))
    await store.redriven("0-1", nothing, NOW)
    waiting = await store.page(DeadLetterFilter(state=State.WAITING), None, 10)
    assert [each.dead_letter_id for each in waiting] == ["0-4", "0-3"]
