"""What a claim can say of a delivery: nobody has it, somebody has it, or how it ended (ports.Claims)."""

from streams.domain.delivery_status import Status

NEW = 0
AMBIGUOUS = 1

RELEASED = b"r"  # the attempt ended without effect: whoever comes next starts afresh
DROPPED = b"x"  # suppressed or expired


def sent_mark(status: Status, attempt: int) -> bytes:
    """It reached the provider: enough to write its status again. `status` is sent or delivered."""
    return b"s%d%s" % (attempt, b"d" if status is Status.DELIVERED else b"")


def dead_mark(attempt: int) -> bytes:
    """It is among the dead letters."""
    return b"d%d" % attempt


def read_sent_mark(mark: bytes) -> tuple[Status, int] | None:
    """Status and attempt of a `sent_mark`; None: the mark of another end."""
    if mark[:1] != b"s":
        return None
    return Status.DELIVERED if mark.endswith(b"d") else Status.SENT, int(mark[1:].rstrip(b"d"))
