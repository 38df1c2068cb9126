"""What every store of dead letters promises (http.ports.KeptDeadLetters) to those who look."""

import pytest

from connectors.dead_letters.dead_letter import Cursor, State
from connectors.dead_letters.stats import Count, summed_up
from connectors.dead_letters.wanted import DeadLetterFilter, fits
from tests.connectors.contracts.dead_letter_stores import ANY, MOMENT, Add, Store
from tests.http.api import NOW
from tests.http.dead import BEGIN, dead_letter


async def test_one_is_found_as_it_was_kept(kept: tuple[Store, Add]) -> None:
    store, add = kept
    add(dead_letter())
    assert await store.find("0-1") == dead_letter()
    assert await store.find("0-2") is None


async def test_pages_are_newest_first_and_follow_each_other(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for number in (3, 1, 2):
        add(dead_letter(number))
    add(dead_letter(9, dead_at=dead_letter(2).dead_at))
    first = await store.page(ANY, None, 2)
    assert [each.dead_letter_id for each in first] == ["0-3", "0-9"]
    rest = await store.page(ANY, Cursor(first[-1].dead_at, first[-1].dead_letter_id), 10)
    assert [each.dead_letter_id for each in rest] == ["0-2", "0-1"]


MANY = [
    dead_letter(1),
    dead_letter(2, channel="webhook", kind="exhausted", provider="webhook", type="password.reset"),
    dead_letter(
        3, channel=None, kind="poison", delivery_id=None, redriven_at=BEGIN, reason="100 % odd_bytes", type=None
    ),
    dead_letter(4, recipient_id="Ada", tenant="acme", dropped_at=BEGIN, drop_reason="sent by hand"),
    dead_letter(5, recipient_id="bob", expires_at=BEGIN, provider=None, dropped_at=BEGIN, redriven_at=BEGIN),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (ANY, [5, 4, 3, 2, 1]),
        (DeadLetterFilter(channel="webhook"), [2]),
        (DeadLetterFilter(kind="poison"), [3]),
        (DeadLetterFilter(type="password.reset"), [2]),
        (DeadLetterFilter(provider="smtp"), [4, 3, 1]),
        (DeadLetterFilter(recipient_id="ada"), [3, 2, 1]),
        (DeadLetterFilter(tenant="acme"), [4]),
        (DeadLetterFilter(reason="550 NO"), [5, 4, 2, 1]),
        (DeadLetterFilter(reason="%"), [3]),
        (DeadLetterFilter(reason="d_b"), [3]),
        (DeadLetterFilter(reason="x_y"), []),
        (DeadLetterFilter(since=dead_letter(2).dead_at, until=dead_letter(4).dead_at), [3, 2]),
        (DeadLetterFilter(state=State.WAITING), [2, 1]),
        (DeadLetterFilter(state=State.REDRIVEN), [3]),
        (DeadLetterFilter(state=State.DROPPED), [5, 4]),
        (DeadLetterFilter("permanent", channel="email", state=State.WAITING), [1]),
        (DeadLetterFilter("poison", channel="email"), []),
    ],
)
async def test_what_a_filter_means(kept: tuple[Store, Add], wanted: DeadLetterFilter, ids: list[int]) -> None:
    store, add = kept
    for each in MANY:
        add(each)
    letters = [each for each in reversed(MANY) if each.dead_letter_id in {f"0-{number}" for number in ids}]
    page = await store.page(wanted, None, 10)
    assert [each.dead_letter_id for each in page] == [f"0-{number}" for number in ids]
    assert [each.state for each in page] == [each.state for each in letters]
    assert await store.letters(wanted, None, 10) == letters
    assert await store.letters(wanted, None, 1) == letters[:1]
    assert [each for each in reversed(MANY) if fits(each, wanted)] == letters, "the reference says the same"
    assert await store.stats(wanted, NOW) == summed_up(letters, MOMENT)


async def test_they_are_counted_by_what_they_are(kept: tuple[Store, Add]) -> None:
    store, add = kept
    for each in MANY:
        add(each)
    told = await store.stats(ANY, NOW)
    assert (told.total, told.expired, told.oldest, told.newest) == (5, 1, MANY[0].dead_at, MANY[4].dead_at)
    assert told.state == [Count("dropped", 2), Count("waiting", 2), Count("redriven", 1)]
    assert told.type == [Count("order.shipped", 3), Count(None, 1), Count("password.reset", 1)]
    assert told.reason == [Count("550 no such user", 4), Count("100 % odd_bytes", 1)]


async def test_of_many_values_the_most_frequent_are_told(kept: tuple[Store, Add]) -> None:
    store, add = kept
    letters = [dead_letter(number, reason=f"reason {number % 30:02}") for number in range(40)]
    for each in letters:
        add(each)
    told = await store.stats(ANY, NOW)
    assert told == summed_up(letters, MOMENT)
    assert told.reason[:2] == [Count("reason 00", 2), Count("reason 01", 2)]
    assert len(told.reason) == 20
