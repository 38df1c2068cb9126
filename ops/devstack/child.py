"""One operating-system process: watched, stopped in time, and never outliving its supervisor."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.devstack.failures import StackFailed
from ops.devstack.ports import give_up_where_needed

LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True, slots=True)
class Site:
    """Where a stack lives: its folder, the lock its children inherit, and whom to tell of progress."""

    data: Path
    lock: int
    say: Callable[[str], None]

    def log(self, name: str) -> Path:
        """The log file of one server or process."""
        return self.data / "log" / f"{name}.log"


@dataclass(frozen=True, slots=True)
class Manners:
    """How a process wants to be treated.

    `stop` asks it to end, `death` is what it gets when the supervisor is killed with -9, `leave_root` names the
    folder of a program that refuses to run as root.
    """

    stop: signal.Signals = signal.SIGTERM
    death: signal.Signals = signal.SIGTERM
    leave_root: Path | None = None


@dataclass(slots=True)
class Child:
    """A named process and its log. Started from the main thread only: the death signal follows the thread."""

    name: str
    site: Site
    manners: Manners = field(default_factory=Manners)
    process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        """Where its output goes; the output of its last start is in `*.log.1`."""
        return self.site.log(self.name)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.process.pid if self.process and self.process.returncode is None else None

    async def start(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        ports: Sequence[socket.socket] = (),
    ) -> None:
        """Run the command in a session of its own (the terminal's Ctrl-C must not reach it)."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))
        give_up_where_needed(ports)
        manners = self.manners
        launcher: list[str | Path] = [sys.executable, "-IS", LAUNCHER, str(int(manners.death)), str(os.getpid())]
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *launcher,
                str(manners.leave_root or "-"),
                *map(str, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                pass_fds=(self.site.lock,),
                start_new_session=True,
            )

    async def completed(self, what: str) -> None:
        """Wait for a command that ends by itself; StackFailed unless its status is 0."""
        if await self._running().wait():
            raise StackFailed(self.report(what))

    async def until(self, ready: Callable[[], Awaitable[bool]], timeout_seconds: float = 60) -> None:
        """Wait until `ready` holds; StackFailed, with the log's end, when the process ends first or time runs out."""
        process, deadline = self._running(), time.monotonic() + timeout_seconds
        while True:
            with contextlib.suppress(OSError):
                if await ready():
                    return
            if process.returncode is not None:
                raise StackFailed(self.report(f"ended with status {process.returncode}"))
            if time.monotonic() > deadline:
                raise StackFailed(self.report(f"was not ready after {timeout_seconds:.0f} s"))
            await asyncio.sleep(0.02)

    async def ended(self) -> str:
        """Wait for the end of the process; the report of it."""
        return self.report(f"ended with status {await self._running().wait()}")

    async def stop(self, grace_seconds: float = 20) -> None:
        """Ask it to end; after the grace kill it and its children. Returns when it is gone."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.manners.stop)
            process.send_signal(signal.SIGCONT)  # a paused one could not hear it
        try:
            await asyncio.wait_for(process.wait(), grace_seconds)
        except TimeoutError:
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """Kill it and its children, now; nothing when it does not run."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def report(self, what: str, lines: int = 12) -> str:
        """What happened, and the end of the log."""
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n  ".join([f"{self.name} {what}; the end of {self.log}:", *text[-lines:]])

    def _running(self) -> asyncio.subprocess.Process:
        assert self.process is not None, f"{self.name} was never started"
        return self.process
