"""How many calls there are at once, and who is next."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.gate import Gate
from tests.delivery.desk import some_turns


class Calls:
    """`began`: in this order; each runs until it is let end. A name may end at once."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.began: list[str] = []
        self.running: dict[str, asyncio.Event] = {}
        self.at_once: set[str] = set()
        self.gate = Gate(1, lambda: self.width - 1, self.call)

    async def call(self, name: str) -> None:
        self.began.append(name)
        if name in self.at_once:
            return
        self.running[name] = asyncio.Event()
        try:
            await self.running[name].wait()
        finally:
            del self.running[name]

    def end(self, name: str) -> None:
        self.running[name].set()


async def test_who_is_urgent_passes_all_who_wait() -> None:
    calls = Calls(1)
    calls.gate.put(["first", "second", "third"], urgent=False)
    await some_turns()
    calls.gate.put(["urgent", "more urgent"], urgent=True)
    assert calls.began == ["first"]
    for _ in range(4):
        calls.end(calls.began[-1])
        await some_turns()
    assert calls.began == ["first", "urgent", "more urgent", "second", "third"]


async def test_a_gate_that_grew_lets_in_who_waits() -> None:
    calls = Calls(1)
    calls.gate.put(["first", "second"], urgent=False)
    await some_turns()
    assert calls.began == ["first"]
    calls.width = 2
    calls.gate.look()
    await some_turns()
    assert calls.began == ["first", "second"]


async def test_a_gate_that_shrank_lets_nobody_in_till_enough_have_left() -> None:
    calls = Calls(2)
    calls.gate.put(["first", "second", "third"], urgent=False)
    await some_turns()
    calls.width = 1
    calls.end("first")
    await some_turns()
    assert calls.began == ["first", "second"]
    calls.end("second")
    await some_turns()
    assert calls.began == ["first", "second", "third"]


async def test_calls_that_end_at_once_need_few_tasks_and_leave_the_loop_its_turns() -> None:
    names = [str(number) for number in range(20_000)]
    calls, turns, most = Calls(500), 0, 0
    calls.at_once = set(names)
    calls.gate.put(names, urgent=False)
    while len(calls.began) < len(names):
        await asyncio.sleep(0)
        turns, most = turns + 1, max(most, calls.gate.inside)
    assert calls.began == names
    assert turns > 3
    assert most <= 16


async def test_when_it_is_abandoned_calls_are_canceled_and_who_stands_in_line_is_met() -> None:
    calls = Calls(2)
    calls.gate.put(["first", "second", "third"], urgent=False)
    await some_turns()
    assert sorted(calls.running) == ["first", "second"]
    calls.at_once = {"third"}
    await calls.gate.abandon()
    await some_turns()
    assert calls.running == {}
    assert calls.began == ["first", "second", "third"]
    assert calls.gate.inside == 0


async def test_who_would_have_been_next_is_not_forgotten_when_it_is_abandoned() -> None:
    calls = Calls(3)
    calls.at_once = {"first", "second", "third"}
    calls.gate.put(["first"], urgent=False)
    await some_turns()  # a task waits for somebody now
    calls.gate.put(["second", "third"], urgent=False)
    await calls.gate.abandon()
    await some_turns()
    assert calls.began == ["first", "second", "third"]


@given(st.lists(st.sampled_from(("come", "urgent", "end", "wider", "narrower")), max_size=40), st.integers(1, 3))
def test_never_more_than_the_width_start_and_no_place_is_lost(steps: list[str], width: int) -> None:
    async def walk() -> None:
        calls, came = Calls(width), 0
        for step in steps:
            before = len(calls.began)
            if step in ("come", "urgent"):
                calls.gate.put([f"{step} {came}"], step == "urgent")
                came += 1
            elif step == "end" and calls.running:
                calls.end(next(iter(calls.running)))
            elif step == "wider":
                calls.width += 1
                calls.gate.look()
            elif step == "narrower" and calls.width > 1:
                calls.width -= 1
            await some_turns()
            assert len(calls.running) <= calls.width or len(calls.began) == before
            assert len(calls.began) == came or len(calls.running) >= calls.width
        calls.at_once = {f"{step} {number}" for step in ("come", "urgent") for number in range(came)}
        await calls.gate.abandon()
        await some_turns()
        assert len(calls.began) == came
        assert calls.running == {}

    asyncio.run(walk())
