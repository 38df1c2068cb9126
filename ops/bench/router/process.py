"""A contender as a process of its own, and what it costs."""

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from ops.bench.router.order import Order

_SECONDS = 60.0
_PREFERENCES = "tidings_router_preferences"


class Contender(StrEnum):
    """A module of ops/bench/router/contenders each."""

    OURS = "ours"
    BARE_LOOP = "bare_loop"
    IDIOMATIC_FAUST = "idiomatic_faust"
    FAUST_TAKE = "faust_take"


class Ended(RuntimeError):
    """A measured process ended before it was told to; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """One that runs."""

    process: subprocess.Popen[bytes]
    log: Path

    def cpu_seconds(self) -> float:
        """What it used since its start, with all its threads."""
        return cpu_seconds(self.process.pid)

    def memory_mib(self) -> float:
        """Its own memory, shared pages by share (PSS) where the system tells."""
        about = psutil.Process(self.process.pid)
        try:
            return float(about.memory_full_info().pss) / 2**20
        except AttributeError:
            return float(about.memory_info().rss) / 2**20

    def check(self) -> None:
        """Raises Ended."""
        if (status := self.process.poll()) is not None:
            raise Ended(f"exit code {status}: {self.log_end()}")

    def log_end(self) -> str:
        """The last it said."""
        return self.log.read_text()[-6000:]


@dataclass(frozen=True, slots=True)
class Router(Running):
    """Ours, which tells its state on /readyz."""

    port: int

    def state(self) -> str:
        """starting, recovering, ready, ... or silent; raises Ended when it is gone."""
        self.check()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bytes(answer.read()).decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError:
            with suppress(subprocess.TimeoutExpired):  # it ends, or is too busy to answer
                self.process.wait(1.0)
            self.check()
            return "silent"

    def preferences(self) -> int:
        """How many it says it has in memory."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = bytes(answer.read()).decode().splitlines()
        return next(int(float(line.split()[1])) for line in lines if line.startswith(f"{_PREFERENCES} "))

    def ready(self) -> None:
        """Wait until it routes."""
        deadline = time.monotonic() + _SECONDS
        while (state := self.state()) != "ready":
            if time.monotonic() > deadline:
                raise RuntimeError(f"after {_SECONDS:g} s the router is {state}")
            time.sleep(0.02)


def cpu_seconds(process: int) -> float:
    """User and system time of a process."""
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


@contextmanager
def running(contender: Contender, order: Order) -> Iterator[Running]:
    """Started, and killed at the end of the block."""
    with _started(contender, order) as (process, log):
        yield Running(process, log)


@contextmanager
def routing(order: Order) -> Iterator[Router]:
    """Ours, started; killed at the end of the block."""
    with _started(Contender.OURS, order) as (process, log):
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait(_SECONDS)
            Running(process, log).check()
        yield Router(process, log, int(line))


@contextmanager
def _started(contender: Contender, order: Order) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as errors:
            command = [sys.executable, "-m", f"ops.bench.router.contenders.{contender}", order.as_argument()]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=folder)
            try:
                yield process, log
            finally:
                process.kill()
                process.wait()
                if process.stdout:
                    process.stdout.close()
