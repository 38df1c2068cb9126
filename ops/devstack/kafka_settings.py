"""The settings of one Kafka node, alone or in a cluster. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.devstack.ports import LOOPBACK

LEAST_IN_SYNC = 2  # of three copies: one node may die and every acknowledged record is still there twice
IN_A_CLUSTER = {
    "default.replication.factor": "3",
    "min.insync.replicas": str(LEAST_IN_SYNC),
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": str(LEAST_IN_SYNC),
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": str(LEAST_IN_SYNC),
    "broker.heartbeat.interval.ms": "500",
}
ALONE_ONLY = ("metadata.max.idle.interval.ms",)  # as in production: empty records show that the controllers agree


@dataclass(frozen=True, slots=True)
class Node:
    """One node, broker and controller at once: its number (`node.id`), and the ports for clients and controllers."""

    number: int
    port: int
    controller: int

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"{LOOPBACK}:{self.port}"


def addresses(nodes: Sequence[Node]) -> str:
    """All nodes as `bootstrap.servers` wants them, in the order of their numbers."""
    return ",".join(node.address for node in sorted(nodes, key=lambda node: node.number))


def node_settings(pattern: str, node: Node, nodes: Sequence[Node], folder: Path) -> str:
    """kafka.properties of one node: the pattern filled in, and what a cluster of several nodes needs beside it."""
    text = pattern.format(port=node.port, controller=node.controller, folder=folder)
    settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    if len(nodes) > 1:
        voters = sorted(nodes, key=lambda each: each.number)
        settings |= IN_A_CLUSTER
        settings["node.id"] = str(node.number)
        settings["controller.quorum.voters"] = ",".join(f"{v.number}@{LOOPBACK}:{v.controller}" for v in voters)
        settings = {name: value for name, value in settings.items() if name not in ALONE_ONLY}
    return "".join(f"{name}={value}\n" for name, value in settings.items())
