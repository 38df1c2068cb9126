import asyncio

import pytest

from connectors.channels.turns import Turns
from tests.channels.smtp import until


async def test_turns_are_given_in_the_order_of_asking() -> None:
    turns, served = Turns(2), list[int]()

    async def come(number: int) -> None:
        assert turns.take() or await turns.wait(5)
        served.append(number)

    await asyncio.gather(*(come(number) for number in range(2)))
    waiting = [asyncio.create_task(come(number)) for number in range(2, 6)]
    await asyncio.sleep(0)
    assert served == [0, 1]
    for count in range(3, 7):
        turns.give()
        await until(lambda count=count: len(served) == count)  # type: ignore[misc]
    assert served == [*range(6)]
    await asyncio.gather(*waiting)


async def test_there_are_never_more_turns_than_there_were() -> None:
    turns = Turns(2)
    for _ in range(3):
        assert turns.take()
        assert turns.take()
        assert not turns.take()
        turns.give()
        turns.give()


async def test_who_waited_too_long_takes_no_turn_away() -> None:
    turns = Turns(1)
    assert turns.take()
    assert not await turns.wait(0.01)
    turns.give()
    assert turns.take()
    assert not turns.take()


@pytest.mark.parametrize("given_before", [False, True])
async def test_who_is_cancelled_takes_no_turn_away(given_before: bool) -> None:
    turns = Turns(1)
    assert turns.take()
    waiting = asyncio.create_task(turns.wait(5))
    await asyncio.sleep(0)
    if given_before:
        turns.give()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    if not given_before:
        turns.give()
    assert turns.take()
    assert not turns.take()


async def test_each_waits_for_its_own_time_whoever_came_first() -> None:
    turns, gave_up = Turns(0), list[float]()

    async def come(seconds: float) -> None:
        assert not await turns.wait(seconds)
        gave_up.append(seconds)

    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(come(seconds) for seconds in (0.15, 0.05, 0.1)))
    assert gave_up == [0.05, 0.1, 0.15]
    assert 0.14 < asyncio.get_running_loop().time() - began < 2
    turns.give()
    assert turns.take()
