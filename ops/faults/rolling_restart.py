"""All three brokers are restarted in order, one after the other, as in an upgrade."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """The next one follows when all copies are in sync. One run is all three."""
    for number in fault.rounds(stage, chance):
        for broker in stage.brokers.names:
            stage.pause(fault.pause(chance))
            stage.say(f"rolling restart {number}: {broker}")
            stage.brokers.stop(broker)
            stage.brokers.start(broker)
            stage.brokers.in_sync()


ROLLING_RESTART = Fault(
    "rolling_restart",
    "all three brokers are stopped and started in order, one after the other",
    runs=2,
    every_seconds=(1, 3),
    bound=Bound(duplicates_share=0.01, drain_seconds=90),  # as with broker_restart
    inject=inject,
    brokers=3,
)
