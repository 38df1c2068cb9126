"""What this process owns now: swapped by the poll thread at a rebalance, read by the loop."""

from connectors.delivery.assignment import Assignment
from connectors.delivery.incoming import Record


class Ownership:
    """`draining`: partitions are being given up, nothing new may start."""

    __slots__ = ("assignment", "draining")

    def __init__(self) -> None:
        self.assignment: Assignment[Record] = Assignment({})
        self.draining = False

    def give_up(self) -> None:
        """What still runs is an orphan from now on."""
        self.assignment.alive = False
        self.assignment = Assignment({})
