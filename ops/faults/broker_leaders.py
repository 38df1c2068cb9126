"""One of three brokers is killed -9: each time one that leads a busy partition, or coordinates the group."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound

AWAY_SECONDS = (2.0, 10.0)


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """The next one is killed when all copies are in sync again: never two are away."""
    target, brokers = stage.target, stage.brokers
    for number in fault.rounds(stage, chance):
        topic = chance.choice([*target.busy_topics, ""])
        if topic:
            partition, victim = chance.choice(sorted(brokers.leaders(topic).items()))
            role = f"leader of {topic}/{partition}"
        else:
            victim, role = brokers.coordinator(target.group), f"coordinator of {target.group}"
        away = chance.uniform(*AWAY_SECONDS)
        stage.say(f"leader {number}: {victim}, {role}, killed for {away:.1f} s")
        brokers.kill(victim)
        stage.pause(away)
        brokers.start(victim)
        brokers.in_sync()


BROKER_LEADERS = Fault(
    "broker_leaders",
    "of three brokers the leader of a busy partition or the group's coordinator is killed -9",
    runs=8,
    every_seconds=(2, 5),
    bound=Bound(duplicates_share=0.01, drain_seconds=90),  # as with broker_restart
    inject=inject,
    brokers=3,
)
