"""A router as a process of its own: `python -m tests.engine.router_process '{"bootstrap_servers": ..., ...}'`.

Prints the port of /readyz, then runs. With "broken", the type named BUG makes its agent raise, HANG makes it
hang, KILL kills it and SLOW takes 2 ms (of notifications that are unlike each other: what is alike is looked up once).
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ops.telemetry.health import Health, serve
from schemas.codec import Codec
from streams.agents.router_topics import RouterTopics
from streams.app import RouterPolicy, run
from streams.domain.catalogue import Catalogue, Category, NotificationType
from streams.domain.notification import Channel

BUG, HANG, KILL, SLOW = "bug", "hang", "kill", "slow"
SHIPPING = Category("shipping", "Shipping")
SECURITY = Category("security", "Security", required=True)
TYPES = {
    "order.shipped": NotificationType("order.shipped", "Shipped", SHIPPING, (Channel.EMAIL, Channel.WEBHOOK)),
    "login.new": NotificationType("login.new", "New login", SECURITY, (Channel.EMAIL,)),
}


class Types(Mapping[str, NotificationType]):
    """The types, of which some are faults of ours while they are broken."""

    def __init__(self, broken: bool) -> None:
        self._broken = broken

    def __getitem__(self, name: str) -> NotificationType:
        if name == BUG and self._broken:
            raise RuntimeError("a fault in the agent")
        if name == HANG and self._broken:
            threading.Event().wait()
        if name == KILL and self._broken:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == SLOW and self._broken:
            time.sleep(0.002)
        return TYPES["order.shipped" if name in (BUG, HANG, KILL, SLOW) else name]

    def __iter__(self) -> Iterator[str]:
        return iter(TYPES)

    def __len__(self) -> int:
        return len(TYPES)


def catalogue(broken: bool = False) -> Catalogue:
    return Catalogue("v1", Types(broken))


def main() -> int:
    given = json.loads(sys.argv[1])
    logging.basicConfig(level=given.pop("log_level", "WARNING"), format="%(asctime)s %(name)s %(message)s")
    prefix, broken = given.pop("prefix"), given.pop("broken", False)
    policy = RouterPolicy(topics=RouterTopics.named(prefix), state_folder=Path(given.pop("state_folder")), **given)
    health = Health()
    print(serve(health, "127.0.0.1", 0).server_address[1], flush=True)
    return run(policy, catalogue(broken), Codec(), health)


if __name__ == "__main__":
    sys.exit(main())
