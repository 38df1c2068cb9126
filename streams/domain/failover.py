"""In which order the providers of a channel are tried. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

FAR_BELOW_PERCENT = 25
ENOUGH_CALLS = 20


class Measured(NamedTuple):
    """Calls of one provider in the window of its breaker, by all processes, and how many of them failed."""

    calls: int
    failed: int


def in_order(measured: Sequence[Measured]) -> list[int]:
    """Places in the configured order, rearranged: who succeeds far less often than one after it goes behind that one.

    Only what was measured on at least ENOUGH_CALLS calls counts. Behind, a provider gets few calls, so after a window
    it is unmeasured and back in its place: that is how it is tried again.
    """
    order: list[int] = []
    for place, this in enumerate(measured):
        at = len(order)
        while at and _far_below(measured[order[at - 1]], this):
            at -= 1
        order.insert(at, place)
    return order


def _far_below(one: Measured, other: Measured) -> bool:
    if min(one.calls, other.calls) < ENOUGH_CALLS:
        return False
    return 100 * (one.failed * other.calls - other.failed * one.calls) >= FAR_BELOW_PERCENT * one.calls * other.calls
