"""PostgreSQL goes away: recipients are in Redis, so sending goes on; what is told of it is kept later."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

AWAY_SECONDS = (8.0, 15.0)


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Looks that it is still sent meanwhile."""
    for number in fault.rounds(stage, chance):
        seconds = chance.uniform(*AWAY_SECONDS)
        stage.say(f"PostgreSQL {number}: stopped for {seconds:.1f} s")
        stage.take_away("postgres")
        before = stage.progress()
        stage.pause(seconds)
        if stage.progress() == before:
            stage.problem("nothing was sent while PostgreSQL was away")
        stage.bring_back("postgres")


POSTGRES_AWAY = Fault(
    "postgres_away",
    "PostgreSQL is stopped for some seconds: sending goes on, and all is kept in the end",
    runs=3,
    every_seconds=(4, 6),
    bound=Bound(duplicates_share=0, drain_seconds=90),
    inject=inject,
)
