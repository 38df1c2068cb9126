"""A contender as a process of its own, with all it started, and what they cost."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from ops.bench.router.process import Running
from ops.bench.sender.data import CATALOGUE, MAIL_FROM, SECRET
from ops.bench.sender.order import Order

GRACE_SECONDS = 20


class Contender(StrEnum):
    """A module of ops/bench/sender/contenders each."""

    OURS = "ours"
    MACHINERY = "machinery"
    EMAIL_LOOP = "email_loop"
    WEBHOOK_LOOP = "webhook_loop"
    CELERY = "celery_mail"
    SIDEKIQ = "sidekiq_mail"


@dataclass(frozen=True, slots=True)
class Family(Running):
    """One that runs, and its children: job queues work in those."""

    def cpu_seconds(self) -> float:
        """What all of them used since their start."""
        used = 0.0
        for each in self._members():
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                used += times.user + times.system
        return used

    def end(self) -> None:
        """In order, so that it leaves its consumer group; killed when that takes too long."""
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE_SECONDS)

    def _members(self) -> list[psutil.Process]:
        about = psutil.Process(self.process.pid)
        return [about, *about.children(recursive=True)]


@contextmanager
def running(contender: Contender, order: Order) -> Iterator[Family]:
    """Started in a folder of its own; gone with all its children at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as errors:
            command = [sys.executable, "-m", f"ops.bench.sender.contenders.{contender}", order.as_argument()]
            process = subprocess.Popen(
                command,
                stdout=errors,
                stderr=errors,
                cwd=folder,
                env={**os.environ, **settings_of(order)},
                start_new_session=True,
            )
            family = Family(process, log)
            try:
                yield family
                family.end()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def settings_of(order: Order) -> dict[str, str]:
    """How our own sender is told the same."""
    return {
        "TIDINGS_KAFKA_BOOTSTRAP_SERVERS": order.bootstrap_servers,
        "TIDINGS_POSTGRES_DSN": order.postgres_dsn,
        "TIDINGS_REDIS_URL": order.redis_url,
        "TIDINGS_SMTP_URL": f"smtp://127.0.0.1:{order.smtp_port}?starttls=off",
        "TIDINGS_MAIL_FROM": MAIL_FROM,
        "TIDINGS_WEBHOOK_SECRET": SECRET,
        "TIDINGS_WEBHOOK_ALLOW_PRIVATE": "true",
        "TIDINGS_CATALOGUE": str(CATALOGUE),
        "TIDINGS_METRICS_PORT": "0",
        "TIDINGS_INSTANCE": "bench",
    }
