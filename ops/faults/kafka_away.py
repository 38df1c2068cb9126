"""The only broker is stopped for a minute."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

AWAY_SECONDS = 60.0


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """Nobody may end; what was produced meanwhile waits at the producer."""
    (broker,) = stage.brokers.names
    for number in fault.rounds(stage, chance):
        stage.say(f"Kafka {number}: stopped for {AWAY_SECONDS:g} s")
        stage.brokers.stop(broker)
        stage.pause(AWAY_SECONDS)
        stage.brokers.start(broker)


KAFKA_AWAY = Fault(
    "kafka_away",
    "Kafka is stopped for 60 s; no process ends, and nothing comes twice",
    runs=1,
    every_seconds=(5, 8),
    bound=Bound(duplicates_share=0, drain_seconds=120),
    inject=inject,
)
