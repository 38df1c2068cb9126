"""What a measured process is told, as one argument of its command line."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from ops.bench.router.ground import topics_of
from streams.agents.router_topics import RouterTopics


@dataclass(frozen=True, slots=True)
class Order:
    """Prefixes of the topics to read and to write, consumer group, number of types of the catalogue, cores to stay on.

    `linger_ms`, and `gather_ms`, how long the bare loop may wait for a batch to fill: ours has no such settings.
    """

    bootstrap_servers: str
    group: str
    inputs: str
    outputs: str
    types: int
    cores: tuple[int, ...] = ()
    linger_ms: float = 1.0
    gather_ms: int = 0
    instance: str = "one"

    @property
    def topics(self) -> RouterTopics:
        return topics_of(self.inputs, self.outputs)

    def as_argument(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, text: str) -> Self:
        given = json.loads(text)
        return cls(**{**given, "cores": tuple(given["cores"])})
