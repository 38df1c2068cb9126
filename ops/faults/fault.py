"""A fault: what is done to the system under load, how often, and what it may cost."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ops.faults.stage import Stage
from ops.faults.verdict import Bound
from streams.domain.notification import Channel

Inject = Callable[[Stage, "Fault", random.Random], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `what`: a line for people. `runs`: how often. `every_seconds`: the pause before each run, between these two.
    `processes`: how many are under test; `brokers`: how many Kafka has. `inject` does it all; what it finds wrong it
    tells the stage. Of senders: `channel` is theirs; `tripwires`: they kill themselves at named points when told to;
    `disks`: servers with a small disk of their own; `loses_claims`: even what is not to be repeated may come twice.
    """

    name: str
    what: str
    runs: int
    every_seconds: tuple[float, float]
    bound: Bound
    inject: Inject
    processes: int = 2
    brokers: int = 1
    channel: Channel = Channel.EMAIL
    tripwires: bool = False
    disks: tuple[str, ...] = ()
    loses_claims: bool = False

    def pause(self, chance: random.Random) -> float:
        """Seconds until the next run."""
        return chance.uniform(*self.every_seconds)

    def rounds(self, stage: Stage, chance: random.Random) -> Iterator[str]:
        """Pause, then "3 of 100", for each run; the stage counts those that were gone through."""
        for number in range(1, self.runs + 1):
            stage.pause(self.pause(chance))
            yield f"{number} of {self.runs}"
            stage.runs = number
