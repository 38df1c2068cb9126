"""Whose deliveries flow under a fault, and how an id tells which input it is. Values and pure functions.

An id names a recipient, a priority and a number that rises by one, so whatever comes out tells what it came from.
"""

from typing import NamedTuple

from streams.domain.notification import Priority

RECIPIENTS = 300


class Lane(NamedTuple):
    """One recipient at one priority."""

    recipient: str
    priority: Priority


class Label(NamedTuple):
    """Number `number` of lane number `lane`: what an output came from."""

    lane: int
    number: int


LANES = tuple(Lane(f"person-{n}", priority) for n in range(RECIPIENTS) for priority in Priority)
_LANE_NUMBERS = {f"{lane.recipient}.{lane.priority}": number for number, lane in enumerate(LANES)}


def id_of(label: Label) -> str:
    """The notification id: it names lane and number, for decisions carry nothing else of ours."""
    lane = LANES[label.lane]
    return f"{lane.recipient}.{lane.priority}.{label.number}"


def label_of(notification_id: str) -> Label:
    """The way back. Raises ValueError for an id that we do not make."""
    lane, _, number = notification_id.rpartition(".")
    if lane not in _LANE_NUMBERS:
        raise ValueError(f"no id of ours: {notification_id!r}")
    return Label(_LANE_NUMBERS[lane], int(number))


def traceparent(label: Label) -> bytes:
    """A trace id of its own for every input."""
    return f"00-{label.lane + 1:016x}{label.number + 1:016x}-{label.number + 1:016x}-01".encode()


def label_of_trace(trace: bytes | None) -> Label:
    """The way back, for what cannot be read otherwise. Raises ValueError for one that we do not make."""
    try:
        told = (trace or b"").decode()
        label = Label(int(told[3:19], 16) - 1, int(told[19:35], 16) - 1)
    except ValueError:
        raise ValueError(f"no traceparent of ours: {trace!r}") from None
    if not 0 <= label.lane < len(LANES) or traceparent(label) != trace:
        raise ValueError(f"no traceparent of ours: {trace!r}")
    return label
