"""How claims move: who may call, what an earlier owner may have done, what was claimed elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.domain.claim_marks import (
    AMBIGUOUS,
    NEW,
    RELEASED,
    UNSURE,
    Untold,
    adopted,
    claimed,
    dead_mark,
    is_end,
    is_over,
    mark_before,
    marked,
    of_two,
    read_end,
    sent_mark,
    verdict,
)
from streams.domain.delivery_status import Status
from streams.domain.next_step import DeadLetterKind, Ended

OPEN = (b"", b"r", b"rme", b"rhim", b"cme", b"chim", b"ame", b"ahim", b"a", b"ume", b"uhim", b"u")
OVER = (b"b[1]", b"s1", b"d2", b"x")  # nobody calls any more
VALUES = st.sampled_from(OPEN + OVER)
LEFT = VALUES.filter(bool)
MARKS = st.sampled_from([RELEASED, b"b[1]", b"s1", b"d9", b"x"])


@pytest.mark.parametrize(
    ("before", "here", "alone"),
    [
        (b"", UNSURE, NEW),
        (b"u", UNSURE, NEW),
        (b"ume", UNSURE, UNSURE),
        (b"uhim", AMBIGUOUS, AMBIGUOUS),
        (b"cme", NEW, NEW),
        (b"chim", AMBIGUOUS, AMBIGUOUS),
        (b"a", AMBIGUOUS, AMBIGUOUS),
        (b"ame", AMBIGUOUS, AMBIGUOUS),
        (b"r", NEW, NEW),
        (b"rhim", NEW, NEW),
        (b"s3d", b"s3d", b"s3d"),
        (b"x", b"x", b"x"),
        (b"b[1]", b"b[1]", b"b[1]"),
    ],
)
def test_what_the_owner_of_a_claim_is_told(before: bytes, here: int | bytes, alone: int | bytes) -> None:
    assert verdict(claimed(before, b"me", elsewhere=True)) == here
    assert verdict(claimed(before, b"me")) == alone


@given(VALUES, st.booleans())
def test_claiming_twice_tells_the_same(before: bytes, elsewhere: bool) -> None:
    once = claimed(before, b"me", elsewhere)
    assert claimed(once, b"me", elsewhere) == once


@given(VALUES, st.booleans())
def test_a_claim_that_another_one_takes_over_is_ambiguous_or_called_no_more(before: bytes, elsewhere: bool) -> None:
    after = verdict(claimed(claimed(before, b"him", elsewhere), b"me", elsewhere))
    assert after == (before if before in OVER else AMBIGUOUS)


@given(VALUES, MARKS, st.booleans())
def test_an_end_stays_and_only_its_owner_gives_a_claim_back(before: bytes, mark: bytes, elsewhere: bool) -> None:
    after = marked(before, b"me", mark, elsewhere)
    if is_end(before) or (before[:1] != b"r" and before[1:] == b"him" and mark[:1] in (b"r", b"b", b"x")):
        assert after == before
    elif mark != RELEASED:
        assert after == mark


@pytest.mark.parametrize(
    ("there", "left", "after"),
    [
        (b"s1", b"chim", b"s1"),
        (b"chim", b"s1", b"s1"),
        (b"", b"s1", b"s1"),
        (b"s1", b"d2", b"s1"),
        (b"", b"cme", b"cme"),
        (b"", b"ume", b"cme"),
        (b"r", b"ume", b"cme"),
        (b"cme", b"ume", b"cme"),
        (b"chim", b"ume", b"ame"),
        (b"ahim", b"cme", b"ame"),
        (b"a", b"ume", b"ame"),
        (b"", b"ame", b"ame"),
        (b"cme", b"a", b"a"),
        (b"cme", b"rme", b"r"),
        (b"chim", b"rme", b"chim"),
        (b"ame", b"rme", b"ame"),
        (b"", b"rme", b""),
        (b"chim", b"u", b"chim"),
        (b"chim", b"b[1]", b"b[1]"),
        (b"b[1]", b"chim", b"b[1]"),
        (b"b[1]", b"d2", b"d2"),
        (b"d2", b"b[1]", b"d2"),
    ],
)
def test_what_a_claim_is_after_it_was_told_of_a_later_one_elsewhere(there: bytes, left: bytes, after: bytes) -> None:
    assert adopted(there, left, older=True) == after


def test_a_claim_given_back_before_it_was_made_again_does_not_reopen_it() -> None:
    assert adopted(b"cme", b"rme", older=False) == b"cme"
    assert adopted(b"r", b"cme", older=False) == b"r"


def _care(value: bytes) -> int:
    """How much a claim keeps its next owner from a call."""
    return {b"": 0, b"r": 0, b"c": 1, b"u": 1, b"a": 2}.get(value[:1], 3)


@given(VALUES, LEFT, st.booleans())
def test_a_claim_is_never_weaker_for_what_it_is_told(there: bytes, left: bytes, older: bool) -> None:
    after = adopted(there, left, older)
    given_back = left[:1] == RELEASED and there == b"c" + left[1:] and older
    assert _care(after) >= _care(there) or given_back


@given(VALUES, LEFT)
def test_being_told_twice_says_the_same_or_something_more_careful(there: bytes, left: bytes) -> None:
    once = adopted(there, left, older=True)
    assert _care(adopted(once, left, older=False)) >= _care(once)
    assert adopted(once, left, older=False) == once


ATTEMPTS = st.integers(0, 99_998)
WORDS = st.none() | st.text()


@given(st.sampled_from([Status.SENT, Status.DELIVERED]), ATTEMPTS)
def test_a_mark_tells_what_was_sent(status: Status, attempt: int) -> None:
    told = Untold(Ended(status, attempt))
    assert mark_before(told) == sent_mark(status, attempt)
    assert read_end(mark_before(told)) == told


@given(st.sampled_from([Status.SUPPRESSED, Status.EXPIRED]), ATTEMPTS, WORDS, WORDS, WORDS)
def test_a_mark_tells_what_was_dropped_and_why(
    status: Status, attempt: int, reason: str, layer: str, provider: str
) -> None:
    told = Untold(Ended(status, attempt, reason, layer), provider)
    assert is_end(mark_before(told))
    assert read_end(mark_before(told)) == told


@given(ATTEMPTS, WORDS, st.sampled_from(DeadLetterKind), WORDS, WORDS)
def test_a_mark_tells_what_is_to_be_a_dead_letter(
    attempt: int, reason: str, kind: DeadLetterKind, provider: str, address_mark: str
) -> None:
    told = Untold(Ended(Status.DEAD_LETTERED, attempt, reason, dead_letter=kind), provider, address_mark)
    assert is_over(mark_before(told))
    assert not is_end(mark_before(told))
    assert read_end(mark_before(told)) == told


@pytest.mark.parametrize("mark", [dead_mark(7), b"x", b"cme", b"a", b""])
def test_no_other_mark_tells_an_end(mark: bytes) -> None:
    assert read_end(mark) is None


@pytest.mark.parametrize("mark", [b"b[1]", b"x[1]"])
@pytest.mark.parametrize("his", [b"chim", b"ahim", b"uhim"])
def test_what_is_not_told_yet_does_not_stand_against_the_claim_of_another(mark: bytes, his: bytes) -> None:
    assert marked(his, b"me", mark) == his
    assert marked(his, b"him", mark) == mark
    assert marked(b"r", b"me", mark) == marked(b"", b"me", mark) == mark
    assert marked(his, b"me", b"s1") == b"s1"
    assert marked(his, b"me", b"d1") == b"d1"


@given(VALUES, MARKS, MARKS, st.booleans())
def test_two_marks_of_one_owner_come_to_what_both_make_one_after_the_other(
    before: bytes, first: bytes, second: bytes, elsewhere: bool
) -> None:
    claim = claimed(before, b"me", elsewhere)
    after = marked(marked(claim, b"me", first, elsewhere), b"me", second, elsewhere)
    assert marked(claim, b"me", of_two(first, second), elsewhere) == after
