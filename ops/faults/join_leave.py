"""One process more joins and leaves every few seconds, in order."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import SESSION_SECONDS, Stage
from ops.faults.verdict import Bound

LONG_ABSENCE = 3  # every third absence outlasts the session: its partitions go to the others


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """The last of the processes goes and comes back, so that partitions change hands under load."""
    guest = stage.target.processes[-1]
    for place, number in enumerate(fault.rounds(stage, chance), 1):
        away = fault.pause(chance) + (SESSION_SECONDS if place % LONG_ABSENCE == 0 else 0)
        stage.say(f"leave and join {number}: {guest} is away for {away:.1f} s")
        stage.leave(guest)
        stage.pause(away)
        stage.join(guest)


JOIN_LEAVE = Fault(
    "join_leave",
    "a third process leaves and joins in order, at times for longer than its session; nothing comes twice",
    runs=9,
    every_seconds=(1, 4),
    bound=Bound(duplicates_share=0, drain_seconds=60),
    inject=inject,
    processes=3,
)
