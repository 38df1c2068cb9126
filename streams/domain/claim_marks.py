"""What a claim can say of a delivery, and how it moves. Pure; the scripts and the SQL of the connectors follow it.

c<owner>  claimed; of another owner: left by a process that no longer owns the partition and may have called
a<owner>  claimed, and an earlier owner may have called: ambiguous until it has ended; `a`: so, and given back
u<owner>  claimed where nobody can see what others claimed elsewhere; `u`: so, and given back
r<owner>  given back: the attempt ended without effect (`r`: by whom does not matter any more)
b...      to be a dead letter, which Kafka has not confirmed yet; nobody calls it any more
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


class Marked(NamedTuple):
    """An end that is to be told again. `provider`: of the last call, where a dead letter is to be written again."""

    end: Ended
    provider: str | None = None


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


def mark_before(end: Ended, provider: str | None = None) -> bytes:
    """What is marked before this end is told: enough to tell it again. `provider`: of the last call."""
    if end.status in (Status.SENT, Status.DELIVERED):
        return sent_mark(end.status, end.attempt)
    kind = DROPPED if end.dead_letter is None else _TO_BURY
    return kind + json.dumps([end.status, end.attempt, end.reason, end.layer, end.dead_letter, provider]).encode()


def read_end(mark: bytes) -> Marked | None:
    """The end that is to be told again; None: there is none, or it was told."""
    if mark[:1] == b"s":
        return Marked(Ended(Status.DELIVERED if mark.endswith(b"d") else Status.SENT, int(mark[1:].rstrip(b"d"))))
    if mark[:1] == _TO_BURY or (mark[:1] == DROPPED and mark != DROPPED):
        status, attempt, reason, layer, kind, provider = json.loads(mark[1:])
        return Marked(Ended(Status(status), attempt, reason, layer, kind and DeadLetterKind(kind)), provider)
    return None


def is_end(value: bytes) -> bool:
    """Whether a delivery of this claim has ended."""
    return value[:1] in (b"s", b"d", b"x")


def claimed(value: bytes, owner: bytes, elsewhere: bool = False) -> bytes:
    """The claim (empty: none) after `owner` has claimed it. `elsewhere`: claims may also have been made elsewhere."""
    if is_end(value) or value[:1] == _TO_BURY or value == _UNSURE + owner:
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
    made `elsewhere` is given back under the owner's name: it tells whose claim there it was (`adopted`).
    """
    if is_end(value):
        return value
    if mark != RELEASED:
        return mark
    if value == _CLAIMED + owner or (elsewhere and not value):
        return RELEASED + (owner if elsewhere else b"")
    return value[:1] if value in (_AMBIGUOUS + owner, _UNSURE + owner) else value


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
