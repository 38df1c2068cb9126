"""What every store of dead letters promises (http.ports.KeptDeadLetters) of what is dropped."""

from typing import Any

import pytest

from connectors.dead_letters.dead_letter import DeadLetter
from connectors.dead_letters.ports import Drop
from connectors.dead_letters.wanted import DeadLetterFilter
from tests.connectors.contracts.dead_letter_stores import ANY, MOMENT, Add, Store, nothing
from tests.http.api import NOW
from tests.http.dead import BEGIN, dead_letter


async def test_a_dropped_one_keeps_what_it_was_and_why_but_not_its_record(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1))
    assert await store.dropped("0-1", nothing, "sent by hand", NOW) == dead_letter(1)
    forgotten: dict[str, Any] = {"key": None, "value": None, "headers": []}
    assert await store.find("0-1") == dead_letter(1, dropped_at=MOMENT, drop_reason="sent by hand", **forgotten)
    assert await store.dropped("0-9", nothing, "why", NOW) is None


async def test_a_drop_that_is_refused_leaves_it_as_it_was(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter(1))

    async def refuses(_: DeadLetter) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await store.dropped("0-1", refuses, "why", NOW)
    assert await store.find("0-1") == dead_letter(1)


async def test_many_are_dropped_oldest_first_and_only_those_that_wait(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in (3, 1, 2):
        add(dead_letter(number, expires_at=BEGIN))
    add(dead_letter(4, channel="webhook"))
    add(dead_letter(5, redriven_at=BEGIN))
    email = DeadLetterFilter(channel="email")
    assert await store.dropped_many(Drop(email, "expired long ago", 2, NOW)) == 2
    assert await store.dropped_many(Drop(email, "the rest", 10, NOW)) == 1
    assert await store.dropped_many(Drop(email, "none is left", 10, NOW)) == 0
    told = {each.dead_letter_id: (each.state, each.drop_reason) for each in await store.page(ANY, None, 10)}
    assert told == {
        "0-1": ("dropped", "expired long ago"),
        "0-2": ("dropped", "expired long ago"),
        "0-3": ("dropped", "the rest"),
        "0-4": ("waiting", None),
        "0-5": ("redriven", None),
    }
