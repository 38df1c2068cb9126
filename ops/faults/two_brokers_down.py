"""Two of three brokers die: nothing can be written, so nothing must come out, and nobody must end."""

import random
import time

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

AWAY_SECONDS = 20.0  # well below what the router bears: it ends when work in its hands stands still for 60 s
STILL_SECONDS = 3.0  # what was acknowledged before may still be on its way to the reader: till then it reads on


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Looks that no output is written meanwhile, and that they flow again after."""
    brokers = stage.brokers
    for number in fault.rounds(stage, chance):
        victims = chance.sample(brokers.names, 2)
        stage.say(f"two down {number}: {' and '.join(victims)} killed for {AWAY_SECONDS:g} s")
        for victim in victims:
            brokers.kill(victim)
        back_at = time.monotonic() + AWAY_SECONDS
        before = _still(stage, back_at - STILL_SECONDS)
        stage.pause(back_at - time.monotonic())
        if written := stage.progress() - before:
            stage.problem(f"{written} outputs were written while one of three brokers was left")
        for victim in victims:
            brokers.start(victim)
        brokers.in_sync()


def _still(stage: Stage, deadline: float) -> int:
    """The outputs that were read when no more came for a while; those at the deadline if they never stop."""
    while True:
        before = stage.progress()
        stage.pause(STILL_SECONDS)
        if stage.progress() == before or time.monotonic() > deadline:
            return before


TWO_BROKERS_DOWN = Fault(
    "two_brokers_down",
    "two of three brokers are killed -9 for 20 s: no progress, then all of it; no process ends",
    runs=2,
    every_seconds=(5, 8),
    bound=Bound(duplicates_share=0.01, drain_seconds=120),  # as with broker_restart
    inject=inject,
    brokers=3,
)
