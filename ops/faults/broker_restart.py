"""The only broker goes away, killed or stopped, and comes back after some seconds."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

AWAY_SECONDS = (1.0, 8.0)


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """kill -9 and orderly stop in turn."""
    (broker,) = stage.brokers.names
    for place, number in enumerate(fault.rounds(stage, chance)):
        away, kill = chance.uniform(*AWAY_SECONDS), place % 2 == 0
        stage.say(f"broker {number}: {'killed' if kill else 'stopped'} for {away:.1f} s")
        (stage.brokers.kill if kill else stage.brokers.stop)(broker)
        stage.pause(away)
        stage.brokers.start(broker)


BROKER_RESTART = Fault(
    "broker_restart",
    "the only broker is killed -9 or stopped for some seconds; twice may come what it could not be told is done",
    runs=6,
    every_seconds=(4, 8),
    # Outputs are written by an idempotent producer: a broker's death repeats none. A commit that it did not take is
    # made again when it is back, unless the group has changed meanwhile: then its batch is done again.
    bound=Bound(duplicates_share=0.01, drain_seconds=90),
    inject=inject,
)
