"""What runs on a data folder: `stack.json`, written by the supervisor, read by commands and by the next run."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ops.devstack.endpoints import Endpoints
from ops.devstack.locks import take_lock, write_private

DEFAULT_DATA = Path(".tidings/dev")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process beyond doubt: ids are given again, so the time of birth (seconds since 1970) belongs to it."""

    pid: int
    born: float


@dataclass(frozen=True, slots=True)
class Record:
    """One run. While it is not `ready`, only `supervisor`, `running` and `ports` count; the next run reads them.

    `start_seconds`: by server and process, from its start until it was ready.
    """

    supervisor: int = 0
    ready: bool = False
    ports: dict[str, list[int]] = field(default_factory=dict)
    running: dict[str, Identity] = field(default_factory=dict)
    endpoints: Endpoints = field(default_factory=Endpoints)
    process_ports: dict[str, int] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    start_seconds: dict[str, float] = field(default_factory=dict)
    brokers: int = 1

    @property
    def api_url(self) -> str:
        """Where the API listens; "" when the stack runs none."""
        return self.environment.get("TIDINGS_API_URL", "")


def read_record(data: Path) -> Record:
    """The last record of this folder; an empty one when there is none or it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return msgspec.json.decode((data / "stack.json").read_bytes(), type=Record)
    return Record()


def write_record(data: Path, record: Record) -> None:
    """Replace the record; only its owner may read it (it has the database password and the webhook secret)."""
    write_private(data / "stack.json", msgspec.json.format(msgspec.json.encode(record), indent=1).decode())


def supervised(data: Path) -> bool:
    """Whether a supervisor runs on this folder: it holds the kernel's lock, whatever the record says."""
    if not data.exists():
        return False
    if (descriptor := take_lock(data / "supervisor.lock")) is None:
        return True
    os.close(descriptor)
    return False


def running_record(data: Path) -> Record | None:
    """The record of the stack that runs, ready, on this folder; None when none does."""
    record = read_record(data)
    return record if record.ready and supervised(data) else None


def running_environment(data: Path = DEFAULT_DATA) -> dict[str, str] | None:
    """The TIDINGS_* settings of the stack that runs on this folder, for commands that want to reach it; else None."""
    record = running_record(data)
    return dict(record.environment) if record else None
