"""SIGTERM to a random process; it is started again at once."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """A victim is stopped once it is ready, and must end with status 0."""
    for number in fault.rounds(stage, chance):
        victim = chance.choice(stage.target.processes)
        stage.say(f"planned stop {number}: {victim}")
        stage.terminate(victim)


PLANNED_STOP = Fault(
    "planned_stop",
    "SIGTERM to a random process, started again at once; nothing comes twice",
    runs=12,
    every_seconds=(2, 5),
    bound=Bound(duplicates_share=0, drain_seconds=60),
    inject=inject,
)
