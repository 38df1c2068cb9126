"""What has to change for the topics to be as declared. Pure; refuses what would lose records or order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the cluster has it; `config` holds only what was set on the topic itself."""

    name: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Create:
    topic: Topic
    partitions: int
    replication_factor: int

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value}" for name, value in sorted(self.topic.config.items()))
        return f"create {self.topic.name}: {self.partitions} partitions, {self.replication_factor} copies, {settings}"


@dataclass(frozen=True, slots=True)
class Configure:
    topic: Topic
    changes: Mapping[str, str]

    def __str__(self) -> str:
        return f"configure {self.topic.name}: " + ", ".join(f"{k}={v}" for k, v in sorted(self.changes.items()))


@dataclass(frozen=True, slots=True)
class Refuse:
    topic: Topic
    reason: str

    def __str__(self) -> str:
        return f"refused {self.topic.name}: {self.reason}"


Step = Create | Configure | Refuse


def plan(
    wanted: Iterable[Topic], found: Mapping[str, Found], partitions: int, replication_factor: int
) -> tuple[Step, ...]:
    """The steps, in the order of declaration; empty: all is as declared. Undeclared topics are left alone."""
    steps: list[Step] = []
    for topic in wanted:
        there = found.get(topic.name)
        if there is None:
            steps.append(Create(topic, partitions, replication_factor))
        elif there.partitions != partitions:
            steps.append(Refuse(topic, _why_not(there.partitions, partitions)))
        elif changes := {k: v for k, v in topic.config.items() if there.config.get(k) != v}:
            steps.append(Configure(topic, changes))
    return tuple(steps)


def _why_not(there: int, wanted: int) -> str:
    if there > wanted:
        return f"it has {there} partitions, {wanted} are wanted: shrinking would delete records"
    return (
        f"it has {there} partitions, {wanted} are wanted: growing would move recipients to other partitions and break "
        f"their order; set TIDINGS_PARTITIONS={there}, or drain it and make it anew"
    )
