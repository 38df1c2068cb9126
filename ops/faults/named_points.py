"""kill -9 at named points: a sender kills itself at the n-th pass of a point, in the midst of its load."""

import random

from ops.faults.fault import Fault
from ops.faults.sender.tripwire import POINTS
from ops.faults.stage import SESSION_SECONDS, Stage
from ops.faults.verdict import Bound

PASSES = 40  # at most so many times the point is passed before
REACHED_SECONDS = 40.0


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """The points in turn. Partitions are given up when one more sender joins, after it was away for long."""
    *residents, guest = stage.target.processes
    for place, number in enumerate(fault.rounds(stage, chance)):
        point, victim = POINTS[place % len(POINTS)], chance.choice(residents)
        stage.say(f"point {number}: {victim} dies {point}")
        if point == "during_revoke":
            died = _during_revoke(stage, victim, guest)
        else:
            died = stage.dies_at(victim, point, chance.randint(1, PASSES), REACHED_SECONDS)
        if not died:
            stage.problem(f"{victim} did not pass {point} within {REACHED_SECONDS:g} s")


def _during_revoke(stage: Stage, victim: str, guest: str) -> bool:
    stage.leave(guest)
    stage.pause(SESSION_SECONDS + 2)
    stage.arm(victim, "during_revoke", 1)
    stage.join(guest)
    return stage.has_died(victim, REACHED_SECONDS)


NAMED_POINTS = Fault(
    "named_points",
    "kill -9 after the claim, in the call, after the answer, before settle, around mark, before commit, in a revoke",
    runs=3 * len(POINTS),
    every_seconds=(1, 3),
    # as with kill
    bound=Bound(duplicates_share=0, drain_seconds=90, duplicates_each=32),
    inject=inject,
    processes=3,
    tripwires=True,
)
