"""What a process last claimed and marked, as claims."""

from connectors.delivery.recent_claims import RecentClaims
from connectors.memory.claims import ClaimsInMemory
from streams.domain.claim_marks import AMBIGUOUS, NEW, RELEASED, UNSURE, Left

ME, NEXT = b"me.1", b"me.2"


def left(recent: RecentClaims) -> dict[bytes, bytes]:
    return {key: value for key, value, _ in recent.left()}


def test_a_claim_is_left_as_it_was_answered_and_an_end_ends_it() -> None:
    recent = RecentClaims()
    recent.claimed(ME, [b"new", b"ambiguous", b"unsure", b"ended", b"sent"], [NEW, AMBIGUOUS, UNSURE, b"d3", NEW])
    recent.marked(ME, [(b"sent", b"s1"), (b"claimed long ago", b"x")])
    recent.claimed(NEXT, [b"sent"], [NEW])  # an answer of a Redis that had forgotten it
    assert left(recent) == {
        b"new": b"cme.1",
        b"ambiguous": b"ame.1",
        b"unsure": b"ume.1",
        b"ended": b"d3",
        b"sent": b"s1",
        b"claimed long ago": b"x",
    }


def test_what_is_to_be_a_dead_letter_stays_so_whatever_a_place_says_that_does_not_know_it() -> None:
    recent = RecentClaims()
    recent.claimed(ME, [b"refused"], [NEW])
    recent.marked(ME, [(b"refused", b"b[1]")])
    recent.claimed(NEXT, [b"refused"], [UNSURE])
    recent.marked(NEXT, [(b"refused", RELEASED)])
    assert left(recent) == {b"refused": b"b[1]"}


def test_what_was_given_back_is_left_only_if_it_was_ambiguous() -> None:
    recent = RecentClaims()
    recent.claimed(ME, [b"new", b"ambiguous"], [NEW, AMBIGUOUS])
    recent.marked(ME, [(b"new", RELEASED), (b"ambiguous", RELEASED), (b"claimed long ago", RELEASED)])
    assert left(recent) == {b"ambiguous": b"a"}


def test_the_oldest_batches_go_when_there_are_too_many_claims() -> None:
    recent = RecentClaims(most=5)
    for number in range(4):
        recent.claimed(ME, [b"%d" % number, b"%d more" % number], [NEW, NEW])
    assert set(left(recent)) == {b"2", b"2 more", b"3", b"3 more"}


async def test_told_to_an_empty_place_the_next_owner_hears_what_it_would_have_heard() -> None:
    before, after, recent = ClaimsInMemory(), ClaimsInMemory(), RecentClaims()
    keys = [b"called", b"sent", b"given back", b"ambiguous"]
    await before.claim(b"killed.1", keys[3:])
    recent.claimed(ME, keys, await before.claim(ME, keys))
    marks = [(b"sent", b"s2"), (b"given back", RELEASED)]
    await before.mark(ME, marks)
    recent.marked(ME, marks)
    rows: list[Left] = recent.left()
    await after.adopt(rows)
    assert await after.claim(NEXT, keys) == await before.claim(NEXT, keys) == [AMBIGUOUS, b"s2", NEW, AMBIGUOUS]
