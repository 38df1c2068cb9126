"""What the nodes of one Kafka cluster share: each other's places, an identity, and who of them is there."""

import asyncio
import base64
import uuid
from collections.abc import Sequence
from pathlib import Path

from ops.devstack.child import Child
from ops.devstack.failures import StackFailed
from ops.devstack.kafka_settings import Node
from ops.devstack.plan import broker_names

MARK = "meta.properties"  # the last that formatting writes


class KafkaCluster:
    """The nodes named `names`, numbered from 1, with their folders under `data`."""

    def __init__(self, data: Path, names: Sequence[str]) -> None:
        self.data, self.names = data, tuple(names)
        self.nodes: dict[int, Node] = {}
        self.started: dict[int, Child] = {}
        self.preparing = asyncio.Lock()
        self._complete = asyncio.Event()
        self._identity = ""

    async def join(self, node: Node) -> list[Node]:
        """Be one of those that start. All nodes' places, once each of them has told its own."""
        self.nodes[node.number] = node
        self.started.pop(node.number, None)
        if len(self.nodes) == len(self.names):
            self._complete.set()
        await self._complete.wait()
        return list(self.nodes.values())

    def present(self) -> set[int]:
        """The numbers of the nodes that run or are about to."""
        return {number for number in self.nodes if number not in self.started or self.started[number].pid}

    def can_elect(self) -> bool:
        """Whether enough nodes are there to choose a controller; without one no node serves clients."""
        return len(self.present()) > len(self.names) // 2

    def others(self, number: int) -> set[int]:
        """All but this node."""
        return set(range(1, len(self.names) + 1)) - {number}

    def folder(self, number: int) -> Path:
        """The data of one node."""
        return self.data / self.names[number - 1]

    def identity(self) -> str:
        """The id all nodes are formatted with: that of a node that is formatted already, else a new one."""
        self._identity = self._identity or self._formatted_identity() or _new_identity()
        return self._identity

    def _formatted_identity(self) -> str:
        for name in self.names:
            path = self.data / name / MARK
            lines = path.read_text().splitlines() if path.exists() else []
            for line in lines:
                if line.startswith("cluster.id="):
                    return line.removeprefix("cluster.id=")
        return ""


def _count(brokers: int) -> str:
    return "1 Kafka broker" if brokers == 1 else f"{brokers} Kafka brokers"


def _new_identity() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


def refuse_other_number(data: Path, brokers: int) -> None:
    """StackFailed when this folder has the data of another number of brokers: a cluster cannot grow or shrink here."""
    for other in (1, 3):
        if other != brokers and any((data / name / MARK).exists() for name in broker_names(other)):
            raise StackFailed(
                f"{data} has the data of {_count(other)}, not of {_count(brokers)}: "
                f"`--brokers {other}` goes on with it, `--fresh` forgets it, `--data` takes another folder"
            )
