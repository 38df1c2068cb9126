"""Kills, joins and leaves, and a broker that dies, in random turns, without waiting for the last to be over."""

import random

from ops.faults.fault import Fault
from ops.faults.stage import Stage
from ops.faults.verdict import Bound
from streams.engine.ending import EXIT_NO_KAFKA

AWAY_SECONDS = (0.5, 4.0)
KILL_PROCESS, GUEST, KILL_BROKER = "kill", "guest", "broker"


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    """The last of the processes comes and goes; while the broker is away a process is killed as well."""
    *residents, guest = stage.target.processes
    (broker,) = stage.brokers.names
    guest_is_here = True
    stage.allow_end(EXIT_NO_KAFKA)  # of one that is started while the broker is away, and waited 10 s for it
    for number in fault.rounds(stage, chance):
        act = chance.choices((KILL_PROCESS, GUEST, KILL_BROKER), (5, 4, 2))[0]
        stage.say(f"blow {number}: {act}")
        if act == GUEST:
            (stage.leave if guest_is_here else stage.join)(guest)
            guest_is_here = not guest_is_here
        elif act == KILL_PROCESS:
            stage.kill(chance.choice([*residents, guest] if guest_is_here else residents))
        else:
            stage.brokers.kill(broker)
            stage.kill(chance.choice(residents))
            stage.pause(chance.uniform(*AWAY_SECONDS))
            stage.brokers.start(broker)


ALL_AT_ONCE = Fault(
    "all_at_once",
    "kills, joins and leaves of a third process and deaths of the only broker, in random turns",
    runs=30,
    every_seconds=(1, 4),
    # Blows come faster than the work they held up is caught up with, so that many strike a process whose hands are
    # full: it has up to 2,000 records in hand, all of which come again.
    bound=Bound(duplicates_share=0.05, drain_seconds=90),
    inject=inject,
    processes=3,
)
