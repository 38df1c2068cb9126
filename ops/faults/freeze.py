"""SIGSTOP for longer than the session, then SIGCONT: a zombie that must not send beside its successor."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import SESSION_SECONDS, Stage
from ops.faults.verdict import Bound

EXIT_ZOMBIE = 70  # it notices by itself that it stood still, or that Kafka has given its place away
LONGER_SECONDS = (2.0, 6.0)


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Its partitions go to the others meanwhile. Woken up it must end."""
    for number in fault.rounds(stage, chance):
        victim, seconds = chance.choice(stage.target.processes), SESSION_SECONDS + chance.uniform(*LONGER_SECONDS)
        stage.say(f"freeze {number}: {victim} for {seconds:.1f} s")
        if not stage.freeze(victim, seconds, EXIT_ZOMBIE):
            stage.problem(f"{victim} stood still for {seconds:.1f} s and went on as if nothing had happened")


FREEZE = Fault(
    "freeze",
    "SIGSTOP for longer than the session, then SIGCONT; what was under way comes twice",
    runs=4,
    every_seconds=(3, 5),
    bound=Bound(duplicates_share=0, drain_seconds=90, duplicates_each=32),  # as with kill
    inject=inject,
)
