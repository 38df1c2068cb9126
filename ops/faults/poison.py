"""Records that cannot be read come in a row, and a sender is killed among them."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

IN_A_ROW = 300


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """A second's worth of inputs; the kill falls into it."""
    for number in fault.rounds(stage, chance):
        victim = chance.choice(stage.target.processes)
        stage.say(f"poison {number}: {IN_A_ROW} in a row, {victim} killed")
        stage.beside.poison(IN_A_ROW)
        stage.pause(chance.uniform(0.3, 1.0))
        stage.kill(victim)


POISON = Fault(
    "poison",
    "300 records in a row that cannot be read, and a kill among them: each becomes a dead letter, nobody waits",
    runs=5,
    every_seconds=(3, 5),
    bound=Bound(duplicates_share=0, drain_seconds=90, duplicates_each=32),  # as with kill
    inject=inject,
)
