"""What one stack is to run: written by whoever starts it, read by the supervisor."""

from dataclasses import dataclass, field
from pathlib import Path

from ops.devstack.endpoints import VARIABLES, Endpoints

SERVICES = ("kafka", "postgres", "valkey", "mail", "webhooks")
BROKERS = (1, 3)
GIVEN_AS = {"kafka": "kafka_bootstrap_servers", "postgres": "postgres_dsn", "valkey": "redis_url", "mail": "smtp_url"}


def broker_names(brokers: int) -> tuple[str, ...]:
    """The services that Kafka is: one, or kafka-1, kafka-2, ... for a cluster."""
    return ("kafka",) if brokers == 1 else tuple(f"kafka-{number}" for number in range(1, brokers + 1))


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
    over the caller's own. `brokers`: Kafka nodes, each a service of its own when there are several.
    """

    folder: str
    services: tuple[str, ...] = SERVICES
    processes: tuple[ProcessSpec, ...] = ()
    tolerate: tuple[str, ...] = ()
    given: Endpoints = field(default_factory=Endpoints)
    lifeline: bool = True
    temporary: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    brokers: int = 1

    @property
    def data(self) -> Path:
        """The folder as a path."""
        return Path(self.folder)

    def to_start(self) -> list[str]:
        """The kinds of services that this stack runs itself; ValueError for what cannot be."""
        known = (*SERVICES, *broker_names(self.brokers))
        unknown = [name for name in self.services if name not in SERVICES]
        if unknown := [*unknown, *(name for name in self.tolerate if name not in known)]:
            raise ValueError(f"no such service: {', '.join(unknown)}; there are {', '.join(SERVICES)}")
        self._check_brokers()
        given = {name for name, field in GIVEN_AS.items() if getattr(self.given, field)}
        return [name for name in SERVICES if name in self.services and name not in given]

    def tolerates(self, name: str) -> bool:
        """Whether the stack goes on without this server; "kafka" stands for all its nodes."""
        return name in self.tolerate or ("kafka" in self.tolerate and name in broker_names(self.brokers))

    def _check_brokers(self) -> None:
        if self.brokers not in BROKERS:
            raise ValueError(f"a stack has 1 or 3 Kafka brokers, not {self.brokers}")
        if self.brokers > 1 and "kafka" not in self.services:
            raise ValueError(f"{self.brokers} brokers are asked for, but kafka is not among the servers to start")
        if self.brokers > 1 and self.given.kafka_bootstrap_servers:
            given = f"{VARIABLES['kafka_bootstrap_servers']} names a Kafka"
            raise ValueError(f"{self.brokers} brokers are asked for, but {given}: leave out one of the two")
