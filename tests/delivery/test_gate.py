"""How many are let in, and who is next."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.gate import Gate
from tests.delivery.desk import some_turns


async def test_who_is_urgent_passes_all_who_wait() -> None:
    gate, came = Gate(lambda: 1), []

    async def come(name: str) -> None:
        await gate.enter(urgent=name.startswith("urgent"))
        came.append(name)

    tasks = [asyncio.create_task(come(name)) for name in ("first", "second", "third", "urgent")]
    await some_turns()
    assert came == ["first"]
    for _ in range(3):
        gate.leave()
        await some_turns()
    assert came == ["first", "urgent", "second", "third"]
    await asyncio.gather(*tasks)


async def test_a_gate_that_grew_lets_in_who_waits() -> None:
    width = [1]
    gate = Gate(lambda: width[0])
    await gate.enter(False)
    waiting = asyncio.create_task(gate.enter(False))
    await some_turns()
    assert not waiting.done()
    width[0] = 2
    gate.look()
    await waiting


@given(st.lists(st.sampled_from(("come", "urgent", "leave", "cancel")), max_size=40), st.integers(1, 3))
def test_never_more_than_the_width_are_inside_and_no_place_is_lost(steps: list[str], width: int) -> None:
    async def walk() -> None:
        gate, tasks, inside = Gate(lambda: width), list[asyncio.Task[None]](), 0
        for step in steps:
            if step in ("come", "urgent"):
                tasks.append(asyncio.create_task(gate.enter(step == "urgent")))
            elif step == "leave" and inside:
                gate.leave()
                inside -= 1
            elif step == "cancel" and tasks:
                tasks[-1].cancel()
                await asyncio.gather(tasks.pop(), return_exceptions=True)
            await some_turns()
            inside += sum(task.done() for task in tasks)
            tasks = [task for task in tasks if not task.done()]
            assert gate.inside == inside <= width
            assert not tasks or inside == width
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert gate.inside == inside

    asyncio.run(walk())


async def test_who_was_canceled_in_the_same_turn_is_passed_over() -> None:
    gate = Gate(lambda: 1)
    await gate.enter(False)
    gone, next_one = (asyncio.create_task(gate.enter(False)) for _ in range(2))
    await some_turns()
    gone.cancel()
    gate.leave()
    await next_one
    assert gone.cancelled()
    assert gate.inside == 1
