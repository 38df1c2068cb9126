"""What one stack is to run: written by whoever starts it, read by the supervisor."""

from dataclasses import dataclass, field
from pathlib import Path

from ops.devstack.endpoints import Endpoints

SERVICES = ("kafka", "postgres", "valkey", "mail", "webhooks")
GIVEN_AS = {"kafka": "kafka_bootstrap_servers", "postgres": "postgres_dsn", "valkey": "redis_url", "mail": "smtp_url"}


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of the system beside the servers.

    `once`: it is run to its end before any other kind starts (migrations); its status must be 0. Otherwise it is kept
    alive. `port_variables` are the settings by which it is told its ports; on the first of them `GET /readyz` tells
    that it is ready (without any it counts as ready as soon as it runs).
    """

    name: str
    argv: tuple[str, ...]
    port_variables: tuple[str, ...] = ()
    once: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole order. A service that `given` names is used where it is and not started.

    `tolerate`: servers whose death does not end the stack. `lifeline`: everything stops when the starter's pipe
    closes. `temporary`: the folder is removed at the end. `settings`: TIDINGS_* variables of the processes; they win
    over the caller's own.
    """

    folder: str
    services: tuple[str, ...] = SERVICES
    processes: tuple[ProcessSpec, ...] = ()
    tolerate: tuple[str, ...] = ()
    given: Endpoints = field(default_factory=Endpoints)
    lifeline: bool = True
    temporary: bool = False
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The folder as a path."""
        return Path(self.folder)

    def to_start(self) -> list[str]:
        """The services that this stack runs itself; ValueError for a name that is no service."""
        if unknown := [name for name in (*self.services, *self.tolerate) if name not in SERVICES]:
            raise ValueError(f"no such service: {', '.join(unknown)}; there are {', '.join(SERVICES)}")
        given = {name for name, field in GIVEN_AS.items() if getattr(self.given, field)}
        return [name for name in SERVICES if name in self.services and name not in given]
