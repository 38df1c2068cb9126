"""A rebalance every three seconds: an outsider joins the group and leaves it. Nothing may come twice."""

import random
import time

from confluent_kafka import Consumer

from ops.faults.fault import Fault
from ops.faults.stage import SESSION_SECONDS, Stage
from ops.faults.verdict import Bound


class Outsider:
    """A member without a name of its own, so that joining and leaving both move partitions at once. It does nothing
    with what it is given: those deliveries wait until it has left."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._member: Consumer | None = None

    def turn(self) -> str:
        """Join, or leave."""
        if self._member is not None:
            self.leave()
            return "leaves"
        self._member = Consumer(
            {
                "bootstrap.servers": self._stage.brokers.addresses,
                "group.id": self._stage.target.group,
                "partition.assignment.strategy": "range",
                "session.timeout.ms": int(SESSION_SECONDS * 1000),
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "log_level": 0,
            }
        )
        self._member.subscribe(list(self._stage.target.topics))
        return "joins"

    def leave(self) -> None:
        if self._member is not None:
            self._member.close()
            self._member = None

    def stay(self, seconds: float) -> None:
        """Let the load flow; a member must poll to stay one."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._member is not None:
                self._member.poll(0)
            self._stage.pause(0.1)


def inject(stage: Stage, fault: Fault, chance: random.Random) -> None:
    outsider = Outsider(stage)
    try:
        for number in range(1, fault.runs + 1):
            outsider.stay(fault.pause(chance))
            stage.say(f"rebalance {number} of {fault.runs}: an outsider {outsider.turn()}")
            stage.runs = number
        outsider.stay(fault.pause(chance))
    finally:
        outsider.leave()


REBALANCES = Fault(
    "rebalances",
    "a rebalance every 3 s, by a member that joins and leaves; nothing comes twice",
    runs=20,
    every_seconds=(3, 3),
    bound=Bound(duplicates_share=0, drain_seconds=90),
    inject=inject,
)
