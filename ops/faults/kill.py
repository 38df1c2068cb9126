"""kill -9 of a random process at random moments; it is started again at once."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Whatever the victim is doing: also while it starts, recovers or catches up."""
    for number in fault.rounds(stage, chance):
        victim = chance.choice(stage.target.processes)
        state = stage.kill(victim)
        stage.say(f"kill {number}: {victim}, {state}")


KILL = Fault(
    "kill",
    "kill -9 of a random process, started again at once; what it had not committed comes twice",
    runs=100,
    every_seconds=(4, 6),
    bound=Bound(duplicates_share=0.01, drain_seconds=60),
    inject=inject,
)
