"""What a claim can say of a delivery, and how it moves. Pure; the scripts and the SQL of the connectors follow it.

c<owner>  claimed; of another owner: left by a process that no longer owns the partition and may have called
a<owner>  claimed, and an earlier owner may have called: ambiguous until it has ended; `a`: so, and given back
u<owner>  claimed where nobody can see what others claimed elsewhere; `u`: so, and given back
r<owner>  given back: the attempt ended without effect (`r`: by whom does not matter any more)
b...      to be a dead letter, which Kafka has not confirmed yet; nobody calls it any more, an end follows
s d x     ends: sent, among the dead letters, dropped; never overwritten
"""

import json
from datetime import timedelta
from typing import NamedTuple

from streams.domain.delivery_status import Status
from streams.domain.next_step import DeadLetterKind, Ended

NEW = 0
AMBIGUOUS = 1
UNSURE = 2  # new here; what was claimed elsewhere nobody can see now

RELEASED = b"r"
DROPPED = b"x"  # suppressed or expired; alone: and told

KEPT = timedelta(days=7)  # as long as the topics keep the records, and longer than any retry schedule

_CLAIMED, _AMBIGUOUS, _UNSURE, _TO_BURY = b"c", b"a", b"u", b"b"
_VERDICTS = {_CLAIMED: NEW, _AMBIGUOUS: AMBIGUOUS, _UNSURE: UNSURE}


class Untold(NamedTuple):
    """An end that may not have been told. `provider`: of the last call. `address_mark`: of an address found dead
    (address_mark.mark_key)."""

    end: Ended
    provider: str | None = None
    address_mark: str | None = None


class Left(NamedTuple):
    """A claim that was made where it is not to stay. `age_ms`: since it was written."""

    key: bytes
    value: bytes
    age_ms: int


def sent_mark(status: Status, attempt: int) -> bytes:
    """It reached the provider: enough to write its status again. `status` is sent or delivered."""
    return b"s%d%s" % (attempt, b"d" if status is Status.DELIVERED else b"")


def dead_mark(attempt: int) -> bytes:
    """It is among the dead letters."""
    return b"d%d" % attempt


def mark_before(told: Untold) -> bytes:
    """What is marked before this end is told: enough to tell it again."""
    end = told.end
    if end.status in (Status.SENT, Status.DELIVERED):
        return sent_mark(end.status, end.attempt)
    kind = DROPPED if end.dead_letter is None else _TO_BURY
    words = [end.status, end.attempt, end.reason, end.layer, end.dead_letter, told.provider, told.address_mark]
    return kind + json.dumps(words).encode()


def read_end(mark: bytes) -> Untold | None:
    """The end that is to be told again; None: there is none, or it was told."""
    if mark[:1] == b"s":
        return Untold(Ended(Status.DELIVERED if mark.endswith(b"d") else Status.SENT, int(mark[1:].rstrip(b"d"))))
    if mark[:1] == _TO_BURY or (mark[:1] == DROPPED and mark != DROPPED):
        status, attempt, reason, layer, kind, provider, address_mark = json.loads(mark[1:])
        end = Ended(Status(status), attempt, reason, layer, kind and DeadLetterKind(kind))
        return Untold(end, provider, address_mark)
    return None


def is_end(value: bytes) -> bool:
    """Whether a delivery of this claim has ended."""
    return value[:1] in (b"s", b"d", b"x")


def is_over(value: bytes) -> bool:
    """Whether nobody calls a delivery of this claim any more."""
    return is_end(value) or value[:1] == _TO_BURY


def claimed(value: bytes, owner: bytes, elsewhere: bool = False) -> bytes:
    """The claim (empty: none) after `owner` has claimed it. `elsewhere`: claims may also have been made elsewhere."""
    if is_over(value) or value == _UNSURE + owner:
        return value
    if value in (b"", _UNSURE):
        return (_UNSURE if elsewhere else _CLAIMED) + owner
    if value[:1] == RELEASED or value == _CLAIMED + owner:
        return _CLAIMED + owner
    return _AMBIGUOUS + owner


def verdict(value: bytes) -> int | bytes:
    """What its owner is told of a claim just made: NEW, AMBIGUOUS, UNSURE, or the mark of what it came to."""
    return _VERDICTS.get(value[:1], value)


def marked(value: bytes, owner: bytes, mark: bytes, elsewhere: bool = False) -> bytes:
    """The claim (empty: none) after `owner` has marked an end, or given it back (RELEASED).

    Only its owner gives a claim back, so a zombie cannot reopen a delivery; what was ambiguous stays so. One that was
    made `elsewhere` is given back under the owner's name: it tells whose claim there it was (`adopted`). What is marked
    before it is told does not stand against the claim of another, who may tell another end; what was sent, or is a dead
    letter, does.
    """
    if is_end(value) or (mark[:1] in (DROPPED, _TO_BURY) and _is_of_another(value, owner)):
        return value
    if mark != RELEASED:
        return mark
    if value == _CLAIMED + owner or (elsewhere and not value):
        return RELEASED + (owner if elsewhere else b"")
    return value[:1] if value in (_AMBIGUOUS + owner, _UNSURE + owner) else value


def of_two(first: bytes, second: bytes) -> bytes:
    """What two marks come to that the same owner makes of the same claim."""
    return first if is_end(first) or (is_over(first) and second == RELEASED) else second


def adopted(there: bytes, left: bytes, older: bool) -> bytes:
    """The claim that is `there` (empty: none) after it was told of one that was `left` elsewhere; never weaker.

    `older`: what is there was written before. Done twice it says the same, or something more careful.
    """
    kind, owner = left[:1], left[1:]
    if is_end(there) or left == _UNSURE:
        return there
    if is_end(left):
        return left
    if _TO_BURY in (there[:1], kind):
        return left if kind == _TO_BURY else there
    if kind == RELEASED:
        return RELEASED if there == _CLAIMED + owner and older else there
    if there[:1] == RELEASED and not older:
        return there
    sure = kind != _AMBIGUOUS and (there[:1] in (b"", RELEASED) or there == _CLAIMED + owner)
    return (_CLAIMED if sure else _AMBIGUOUS) + owner


def _is_of_another(value: bytes, owner: bytes) -> bool:
    return value[:1] in (_CLAIMED, _AMBIGUOUS, _UNSURE) and value[1:] not in (b"", owner)
